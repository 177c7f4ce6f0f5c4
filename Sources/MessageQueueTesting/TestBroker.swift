public import MessageQueue
public import Postgres
import Synchronization

/// Queues in the hands of a test: runs steps without workers, lets time pass, and tells what was sent.
///
/// ```swift
/// let test = TestBroker(broker)
/// try await broker.send(order, to: placed)
/// try await test.drain([PriceOrder(), ReserveStock()], advancingUpTo: .minutes(10)).requireAllDone()
/// let request = try await test.sent(to: payments).only { $0.key == order.id }
/// ```
/// Works on the real schema in a real database, and brings no test framework with it. Give each test a database of its own,
/// such as ``ScratchDatabase`` makes. Workers that run beside it on the same queues take messages away from it.
public struct TestBroker: Sendable {
    /// The broker that it wraps.
    public let broker: Broker
    let middleware: [any StepMiddleware]
    let delays = DelayMemory()

    /// The broker's database.
    public var database: Database { broker.database }

    /// Takes the queues of a broker into the hands of a test.
    ///
    /// - Parameters:
    ///   - broker: over a database of the test's own.
    ///   - middleware: runs around what the steps do, as with `WorkerOptions.middleware`.
    public init(_ broker: Broker, middleware: [any StepMiddleware] = []) {
        self.broker = broker
        self.middleware = middleware
    }

    func entries(of steps: [any WorkerStep]) async throws -> [Catalogue.Entry] {
        try await broker.entries(of: steps.map(\.queueName), on: database)
    }
}

/// The delays that messages were sent with. The engine forgets a delay once the message is due, so it is noted before.
final class DelayMemory: Sendable {
    struct Key: Hashable, Sendable {
        let queue: Int32
        let message: MessageID
    }

    private let known = Mutex<[Key: Duration]>([:])

    subscript(key: Key) -> Duration? { known.withLock { $0[key] } }

    func note(_ delays: [(key: Key, delay: Duration)]) {
        known.withLock { known in
            for (key, delay) in delays where known[key] == nil { known[key] = delay }
        }
    }
}
