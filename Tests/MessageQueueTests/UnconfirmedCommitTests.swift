import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What was not confirmed by a standby is told as unknown, and known in the end", .timeLimit(.minutes(10)))
struct UnconfirmedCommitTests {
    private static let topic = Topic<Shoe>("news")

    /// Commits wait for a standby that is away from the moment on at which `body` demands it.
    private func with(
        _ settings: QueueSettings = .init(), _ body: @Sendable (SynchronousServer, Bench) async throws -> Void
    ) async throws {
        try await SynchronousServer.with(.queues) { server, conninfo in
            var options = DatabaseOptions()
            options.connectionLimit = 12
            try await Database.open(conninfo, options: options) { database in
                try await body(server, try await Bench(on: database, settings))
            }
        }
    }

    enum Verb: CaseIterable {
        case send, sendTogether, sendOnce, publish, produce

        func store(_ shoe: Shoe, by bench: Bench) async throws {
            let message = [Outgoing(shoe)]
            switch self {
            case .send: try await bench.broker.send(message, to: bench.shoes, on: bench.database)
            case .sendTogether: try await bench.broker.send(message, to: bench.shoes)
            case .sendOnce: try await bench.broker.sendOnce(message, to: bench.shoes)
            case .publish: try await bench.broker.publish(message, to: topic)
            case .produce: try await bench.broker.withProducer(of: bench.shoes) { try await $0.send(message) }
            }
        }
    }

    @Test(
        "a message whose commit somebody cancels at the server is not told as sent, and is there",
        arguments: Verb.allCases)
    func send(verb: Verb) async throws {
        try await with { server, bench in
            let name = try await begin(with: verb, bench)
            try await server.demandStandby()
            let call = Task { try await verb.store(Shoe(size: 2), by: bench) }
            try await eventually("the commit waits") { try await server.waiting(in: name) > 0 }
            try await server.cancelWaiting(in: name)
            let error = await #expect(throws: PostgresError.self) { try await call.value }
            #expect(error?.kind == .outcomeUnknown)
            try await server.lift()
            #expect(try await bench.receive().count == 2)
            #expect(try await bench.audit() == [])
        }
    }

    /// Stores a first shoe: what is known of the queue, and which lane a producer has, is not what this is about.
    ///
    /// - Returns: the database's name.
    private func begin(with verb: Verb, _ bench: Bench) async throws -> String {
        try await bench.broker.declare(topic: Self.topic.name)
        try await bench.broker.subscribe("shoes", to: Self.topic.name)
        try await verb.store(Shoe(size: 1), by: bench)
        return try await bench.database.query("SELECT current_database()") { try $0[0, as: String.self] }[0]
    }

    @Test(
        "of messages that share a commit which somebody cancels at the server each is told as unknown, and is there once",
        arguments: [Verb.sendTogether, .publish])
    func together(verb: Verb) async throws {
        try await with { server, bench in
            let name = try await begin(with: verb, bench)
            try await server.demandStandby()
            let ended = Tally(0)
            let calls = (2...11).map { size in
                Task {
                    defer { ended.change { $0 += 1 } }
                    try await verb.store(Shoe(size: size), by: bench)
                }
            }
            try await eventually("every call has ended") {
                try await server.cancelWaiting(in: name)
                return ended.value == calls.count
            }
            for call in calls {
                let error = await #expect(throws: PostgresError.self) { try await call.value }
                #expect(error?.kind == .outcomeUnknown)
            }
            try await server.lift()
            #expect(try await bench.receive().sizes().sorted() == Array(1...11))
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a message that is finished by hand is told as unknown; finished again, it says that it was")
    func complete() async throws {
        try await with { server, bench in
            try await bench.send(1)
            let messages = try await bench.broker.receive("shoes", lease: .seconds(600))
            try await server.demandStandby()
            let error = await #expect(throws: PostgresError.self) {
                try await bench.database.write(within: .seconds(3)) { bench.broker.complete(messages, in: $0) }
            }
            #expect(error?.kind == .outcomeUnknown)
            try await server.lift()
            await #expect(throws: QueueError.self) { try await bench.broker.complete(messages) }
            #expect(try await bench.statistics().inFlight == 0)
        }
    }

    @Test(
        "a worker that does not know whether its batch is committed counts no attempt, and has its effects once",
        arguments: [true, false])
    func worker(isTerminated: Bool) async throws {
        try await with(QueueSettings(retry: RetryPolicy(attempts: 1))) { server, bench in
            try await bench.createEffects()
            try await bench.send(5)
            let name: String = try await bench.database.query("SELECT current_database()") { try $0[0] }[0]
            try await server.demandStandby()
            try await bench.work([Lace()]) { log in
                try await eventually("the effects are there") {
                    try await isTerminated ? server.terminateWaiting(in: name) : server.cancelWaiting(in: name)
                    return try await bench.effects()[0] == 5
                }
                try await log.wait("it has tried again") { $0.leaseLostCount == 5 }
                try await server.lift()
            }
            #expect(try await bench.effects() == [5, 0])
            #expect(try await bench.number("SELECT count(*) FROM mq.completions WHERE outcome = 'd'") == 5)
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 5)
            #expect(try await bench.number("SELECT count(*) FROM mq.dead_letters") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a worker claims without waiting for a standby, since a claim promises nobody anything")
    func claim() async throws {
        try await with { server, bench in
            try await bench.createEffects()
            try await bench.send(5)
            try await server.demandStandby()
            try await bench.work([Polish { _ in }]) { log in
                try await log.wait("it has claimed") {
                    $0.contains { if case .received(_, 5) = $0 { true } else { false } }
                }
                try await server.lift()
                try await log.done(5)
            }
        }
    }
}
