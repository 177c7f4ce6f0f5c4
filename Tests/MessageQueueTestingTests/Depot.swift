import Logging
import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport

struct Parcel: Codable, Sendable, Equatable {
    var weight: Int
}

enum Depot {
    static let arrivals = Queue<Parcel>("arrivals")
    static let shelves = Queue<Parcel>("shelves")
    static let log = Queue<Parcel>("log")
    static let moved = Topic<Parcel>("moved")
}

/// Passes on what arrives: light parcels to the shelves, all of them to the topic; `inspect` may object.
struct Sort: Step {
    let queue = Depot.arrivals
    var options = StepOptions(batch: 50, concurrency: 1)
    let broker: Broker
    var inspect: @Sendable ([Delivery<Parcel>], borrowing Session) throws -> Void = { _, _ in }

    func commit(_ batch: [Delivery<Parcel>], in session: borrowing Session) throws {
        try inspect(batch, session)
        let light = batch.filter { $0.payload.weight < 100 }
        try broker.send(light.map { Outgoing($0.payload, key: $0.key) }, to: Depot.shelves, in: session)
        try broker.publish(light.map { Outgoing($0.payload, key: $0.key, tag: "light") }, to: Depot.moved, in: session)
    }
}

/// Does to each parcel what a closure says.
struct Carry: PreparingStep {
    let queue: Queue<Parcel>
    var options = StepOptions(batch: 50, concurrency: 8)
    let work: @Sendable (Delivery<Parcel>) async throws -> Void

    func prepare(_ delivery: Delivery<Parcel>) async throws { try await work(delivery) }
    func commit(_ batch: [PreparedDelivery<Parcel, Void>], in session: borrowing Session) throws {}
}

struct Trouble: StepFailure, CustomStringConvertible {
    var disposition: Disposition = .retry
    var description = "the belt is stuck"
}

extension Template {
    static let depot = Template("depot", migrations: [.messageQueue]) { database in
        let broker = Broker(database)
        let retry = RetryPolicy(attempts: 3, base: .seconds(60), cap: .seconds(600), jitter: 0.5)
        for queue in [Depot.arrivals.name, Depot.shelves.name, Depot.log.name] {
            try await broker.declare(queue: queue, QueueSettings(lanes: 4, lease: .seconds(30), retry: retry))
        }
        try await broker.declare(topic: Depot.moved.name)
        try await broker.subscribe(Depot.log.name, to: Depot.moved.name)
        try await broker.subscribe(Depot.shelves.name, to: Depot.moved.name, tags: ["heavy"])
    }
}

extension TestBroker {
    /// On a database of its own.
    static func with(_ body: @Sendable (TestBroker) async throws -> Void) async throws {
        try await TestDatabase.with(.depot) { try await body(TestBroker(Broker($0, logger: quiet))) }
    }

    /// Trouble is what these tests are about.
    private static var quiet: Logger {
        var logger = Logger(label: "tests")
        logger.logLevel = .error
        return logger
    }

    func arrive(_ weights: Int...) async throws {
        try await broker.send(weights.map { Outgoing(Parcel(weight: $0), key: "p\($0)") }, to: Depot.arrivals)
    }
}
