import MessageQueue
import Postgres
import ShoeShop

/// Messages that no step can read come into a queue, or into every queue of the shop.
///
/// They are there when `begin` returns; what the workers make of them is theirs to end.
struct PoisonTrouble: Trouble {
    let queue: String?
    let count: Int
    let server: ScenarioServer
    private let tell: @Sendable (String) async -> Void

    /// So many are sent in a transaction.
    private static let portion = 500

    /// - Parameter tell: is told when the queues could not be reached yet.
    init(
        queue: String?, count: Int, on server: ScenarioServer,
        tell: @escaping @Sendable (String) async -> Void = { _ in }
    ) {
        self.queue = queue
        self.count = count
        self.server = server
        self.tell = tell
    }

    func begin() async throws {
        let queues = queue.map { [QueueName($0)] } ?? Topology.shop.queues.map(\.name)
        let portions = queues.flatMap { name in
            stride(from: 0, to: count, by: Self.portion).map { start in
                (name, (start..<min(count, start + Self.portion)).map { Outgoing("poison \($0)") })
            }
        }
        // Once, since an attempt whose end nobody knows is repeated.
        try await server.withBroker(telling: tell) { broker in
            for (name, poison) in portions { try await broker.sendOnce(poison, to: Queue<String>(name)) }
        }
    }

    func end() async throws {}
}

/// An operator sends the dead letters of a queue, or of all queues, back to work.
struct RedriveTrouble: Trouble {
    let queue: String?
    let server: ScenarioServer
    private let tell: @Sendable (String) async -> Void

    /// - Parameter tell: as of ``PoisonTrouble``.
    init(
        queue: String?, on server: ScenarioServer, tell: @escaping @Sendable (String) async -> Void = { _ in }
    ) {
        self.queue = queue
        self.server = server
        self.tell = tell
    }

    /// Dead letters that find no free lane stay what they are, and can be sent back again.
    func begin() async throws {
        try await server.withBroker(telling: tell) { broker in
            if let queue { try await broker.require(QueueName(queue)) }
            _ = try await broker.redrive(DeadLetterFilter(queue: queue.map { QueueName($0) }))
        }
    }

    func end() async throws {}
}

extension Broker {
    /// A filter by a name that no queue has would only match nothing.
    fileprivate func require(_ queue: QueueName) async throws {
        guard try await statistics().contains(where: { $0.queue == queue }) else {
            throw QueueError.unknownQueue(queue)
        }
    }
}

extension ScenarioServer {
    /// What is sent has been rung for when this returns. `body` is repeated when the server did not let it come to its end,
    /// such as one that another fault keeps away.
    fileprivate func withBroker(
        telling tell: @escaping @Sendable (String) async -> Void, _ body: (Broker) async throws -> Void
    ) async throws {
        let insistence = Insistence(failure: "the queues can't be reached", tell: tell, passes: { _ in true })
        do {
            try await insistence {
                try await Database.lend(to: conninfo) { database in
                    let broker = Broker(database)
                    try await body(broker)
                    await broker.flush()
                }
            }
        } catch QueueError.unknownQueue(let name) {
            throw ScenarioError(.unknownName, "the shop has no queue \(name)")
        } catch let error as QueueError {
            throw ScenarioError(.faultFailed, "the queues can't be reached: \(error)")
        }
    }
}
