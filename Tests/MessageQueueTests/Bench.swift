import Foundation
import Logging
import Postgres
import ServiceLifecycle
import Synchronization
import TestSupport

@testable import MessageQueue

extension Template {
    static let queues = Template("queues", migrations: [.messageQueue])
}

struct Shoe: Codable, Sendable, Equatable {
    var size: Int
}

extension [ReceivedMessage] {
    /// Of the shoes in them.
    func sizes() throws -> [Int] { try map { try Payloads.decode(Shoe.self, from: $0.message.body).size } }
}

/// A broker over a database of the test's own.
struct Bench: Sendable {
    let database: Database
    let broker: Broker
    /// The consumer that the test itself plays.
    let consumer: Int64
    let queue: Int32
    let shoes = Queue<Shoe>("shoes")
    let memory = ClaimMemory()

    static func with(
        _ settings: QueueSettings = .init(), connections: Int = 8, through route: Route = .direct,
        _ body: @Sendable (Bench) async throws -> Void
    ) async throws {
        var options = DatabaseOptions()
        options.connectionLimit = connections
        options.waitLimit = .seconds(60)
        try await TestDatabase.with(.queues, through: route, options: options) { database in
            try await body(try await Bench(on: database, settings))
        }
    }

    init(on database: Database, _ settings: QueueSettings = .init()) async throws {
        self.database = database
        var logger = Logger(label: "tests")
        logger.logLevel = .error
        broker = Broker(database, logger: logger)
        try await broker.declare(queue: "shoes", settings)
        // Its heartbeat never runs out: whether it lives is the test's own business.
        let ids = try await database.query(Consumer.register, "test", "here", Int32(1), "1", Int32.max, true) {
            try $0[0, as: Int64.self]
        }
        let queues = try await database.query("SELECT id FROM mq.queues") { try $0[0, as: Int32.self] }
        (consumer, queue) = (ids[0], queues[0])
    }

    /// The same, over other connections.
    init(_ bench: Bench, on database: Database) {
        self.database = database
        broker = Broker(database, logger: bench.broker.logger)
        (consumer, queue) = (bench.consumer, bench.queue)
    }

    /// The same, by another broker.
    init(_ bench: Bench, using broker: Broker) {
        (database, self.broker) = (bench.database, broker)
        (consumer, queue) = (bench.consumer, bench.queue)
    }

    func send(_ count: Int, from first: Int = 0) async throws {
        try await broker.send((first..<first + count).map { Outgoing(Shoe(size: $0), key: "k\($0)") }, to: shoes)
    }

    func receive(
        _ limit: Int = 1000, lease: Duration? = nil, queue: QueueName = "shoes"
    ) async throws -> [ReceivedMessage] {
        try await database.write { session in
            try receive(limit, by: consumer, lease: lease, queue: queue, in: session)
        }
    }

    func receive(
        _ limit: Int, by consumer: Int64, lease: Duration? = nil, queue: QueueName = "shoes",
        memory: ClaimMemory? = nil,
        in session: borrowing Session
    ) throws -> [ReceivedMessage] {
        let entry = try broker.catalogue.queue(queue, in: session)
        let claimer = Broker.Claimer(consumer: consumer, lease: lease, memory: memory ?? self.memory)
        while true {
            let caught = try broker.receive(entry, by: claimer, limit: limit, in: session)
            if !caught.messages.isEmpty || !caught.isIncomplete { return caught.messages }
        }
    }

    /// Completes what comes, so many at once, and tells it, until it is over and nothing is left.
    func completeAll(
        _ limits: ClosedRange<Int>, until isOver: Tally<Bool>, _ tell: @Sendable ([ReceivedMessage]) throws -> Void
    ) async throws {
        while true {
            let last = isOver.value
            let moved = try await broker.promote(entry(), on: database).moved
            let held = try await receive(Int.random(in: limits))
            if !held.isEmpty { try await broker.complete(held) }
            try tell(held)
            if last, held.isEmpty, moved == 0, try await statistics().depth == 0 { return }
        }
    }

    func entry(_ queue: QueueName = "shoes") async throws -> Catalogue.Entry {
        try await broker.entries(of: [queue], on: database)[0]
    }

    /// Moves what is scheduled into the log, due or not.
    func promoteAll() async throws {
        try await database.execute("UPDATE mq.scheduled SET due_at = now() - interval '1 second'")
        while try await broker.promote(entry(), on: database).moved > 0 {}
    }

    /// Takes everything from the test's own consumer, as if it were gone.
    @discardableResult
    func rescue() async throws -> Int {
        let entry = try await broker.entries(of: ["shoes"], on: database)[0]
        return try await broker.rescue(entry, from: [consumer], beyond: [])
    }

    func statistics() async throws -> QueueStatistics {
        let all = try await broker.statistics()
        guard let one = all.first(where: { $0.queue == "shoes" }) else { throw NeverHappened(description: "no queue") }
        return one
    }

    func number(_ statement: Statement) async throws -> Int {
        try await database.query(statement) { try $0[0, as: Int.self] }.first ?? -1
    }

    /// See ``EngineAudit``.
    func audit() async throws -> [String] { try await EngineAudit.contradictions(on: database) }
}
