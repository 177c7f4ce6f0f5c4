import Logging
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Middleware around what steps do")
struct MiddlewareTests {
    /// Notes when it begins and ends.
    private struct Noting: StepMiddleware {
        let name: String
        let notes: Tally<[String]>

        func prepare<Prepared: Sendable>(
            _ message: ReceivedMessage, next: @Sendable () async throws -> Prepared
        ) async throws -> Prepared {
            notes.change { $0.append("\(name) prepares \(message.message.key ?? "")") }
            defer { notes.change { $0.append("\(name) has prepared") } }
            return try await next()
        }

        func commit(
            _ batch: [ReceivedMessage], in session: borrowing Session, next: (borrowing Session) throws -> Void
        ) throws {
            notes.change { $0.append("\(name) commits \(batch.count)") }
            try next(session)
            notes.change { $0.append("\(name) has committed") }
        }
    }

    /// Goes on so many times.
    private struct Repeating: StepMiddleware {
        let calls: Int

        func commit(
            _ batch: [ReceivedMessage], in session: borrowing Session, next: (borrowing Session) throws -> Void
        ) throws {
            for _ in 0..<calls { try next(session) }
        }
    }

    /// Prepares twice, and hides what that leads to.
    private struct Insisting: StepMiddleware {
        func prepare<Prepared: Sendable>(
            _ message: ReceivedMessage, next: @Sendable () async throws -> Prepared
        ) async throws -> Prepared {
            let prepared = try await next()
            return (try? await next()) ?? prepared
        }
    }

    private struct Refusing: StepMiddleware {
        struct Refused: StepFailure { let disposition = Disposition.deadLetter(reason: "refused") }

        func prepare<Prepared: Sendable>(
            _ message: ReceivedMessage, next: @Sendable () async throws -> Prepared
        ) async throws -> Prepared { throw Refused() }
    }

    private struct Auditing: StepMiddleware {
        func commit(
            _ batch: [ReceivedMessage], in session: borrowing Session, next: (borrowing Session) throws -> Void
        ) throws {
            try next(session)
            session.pipeline("INSERT INTO effect VALUES (-1)")
        }
    }

    @Test("of several middlewares the first is outermost, around both prepare and commit")
    func order() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.send(1)
            let notes = Tally<[String]>([])
            let polish = Polish { _ in notes.change { $0.append("the step prepares") } }
            let options = WorkerOptions(middleware: [Noting(name: "A", notes: notes), Noting(name: "B", notes: notes)])
            try await bench.work([polish], options) { try await $0.done(1) }
            #expect(
                notes.value == [
                    "A prepares k0", "B prepares k0", "the step prepares", "B has prepared", "A has prepared",
                    "A commits 1", "B commits 1", "B has committed", "A has committed",
                ])
        }
    }

    @Test("what a middleware writes commits with the step's effects")
    func effects() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.send(1)
            try await bench.work([Lace()], WorkerOptions(middleware: [Auditing()])) { try await $0.done(1) }
            #expect(try await bench.number("SELECT sum(size) FROM effect") == -1)
            #expect(try await bench.number("SELECT count(*) FROM effect") == 2)
        }
    }

    @Test("what a middleware throws decides about the message as if the step had thrown it")
    func refusal() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            try await bench.work([Polish { _ in }], WorkerOptions(middleware: [Refusing()])) { log in
                try await log.wait("it is dead") { $0.deadReasons == ["refused"] }
            }
        }
    }

    @Test("a batch whose middleware went on never or twice fails, and leaves no effect", arguments: [0, 2])
    func misbehaved(calls: Int) async throws {
        try await Bench.with(QueueSettings(retry: RetryPolicy(attempts: 1))) { bench in
            try await bench.createEffects()
            try await bench.send(2)
            try await bench.work([Lace()], WorkerOptions(middleware: [Repeating(calls: calls)])) { log in
                try await log.wait("both are dead") { $0.deadReasons.count == 2 }
            }
            let error = "the middleware Repeating went on \(calls) times, not once"
            #expect(try await bench.broker.deadLetters().map(\.error) == [error, error])
            #expect(try await bench.number("SELECT count(*) FROM effect") == 0)
        }
    }

    @Test("a message whose middleware prepared it twice fails, was prepared once, and leaves no effect")
    func preparedTwice() async throws {
        try await Bench.with(QueueSettings(retry: RetryPolicy(attempts: 1))) { bench in
            try await bench.createEffects()
            try await bench.send(1)
            let calls = Tally(0)
            let polish = Polish { _ in calls.change { $0 += 1 } }
            try await bench.work([polish], WorkerOptions(middleware: [Insisting()])) { log in
                try await log.wait("it is dead") { $0.deadReasons.count == 1 }
            }
            #expect(calls.value == 1)
            let error = "the middleware Insisting went on 2 times, not once"
            #expect(try await bench.broker.deadLetters().map(\.error) == [error])
            #expect(try await bench.number("SELECT count(*) FROM effect") == 0)
        }
    }
}

@Suite("Log lines that say what they are about")
struct LogMetadataTests {
    /// Keeps what is logged.
    private struct KeepingHandler: LogHandler {
        let lines: Tally<[Logger.Metadata]>
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider?
        var logLevel = Logger.Level.info

        init(_ lines: Tally<[Logger.Metadata]>) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            var all = metadataProvider?.get() ?? [:]
            all.merge(event.metadata ?? [:]) { $1 }
            all["line"] = "\(event.message)"
            lines.change { [all] in $0.append(all) }
        }
    }

    private func logger(_ lines: Tally<[Logger.Metadata]>, _ provider: Logger.MetadataProvider?) -> Logger {
        var handler = KeepingHandler(lines)
        handler.metadataProvider = provider
        return Logger(label: "test") { [handler] _ in handler }
    }

    /// Logs in the midst of its work, and in tasks of its own.
    private struct Talking: PreparingStep {
        let queue = Queue<Shoe>("shoes")
        let logger: Logger
        var options: StepOptions { StepOptions(batch: 50, concurrency: 16) }

        func prepare(_ delivery: Delivery<Shoe>) async throws {
            await Task.yield()
            logger.info("prepare \(delivery.payload.size)")
            async let child: Void = logger.info("child \(delivery.payload.size)")
            await child
        }

        func commit(_ batch: [PreparedDelivery<Shoe, Void>], in session: borrowing Session) throws {
            logger.info("commit \(batch.count)")
            for one in batch { logger.info("one \(one.delivery.payload.size)", metadata: one.delivery.logMetadata) }
        }
    }

    @Test("a line that a step writes with any logger of the provider carries queue, message, key and attempt")
    func lines() async throws {
        try await Bench.with { bench in
            let messages = (0..<20).map { Outgoing(Shoe(size: $0), key: "k\($0)") }
            try await bench.broker.send(messages, to: bench.shoes)
            let lines = Tally<[Logger.Metadata]>([])
            try await bench.work([Talking(logger: logger(lines, .messageQueue))]) { try await $0.done(20) }
            for (size, message) in messages.enumerated() {
                for kind in ["prepare", "child", "one"] {
                    let line = try #require(lines.value.first { $0["line"] == "\(kind) \(size)" })
                    #expect(line["queue"] == "shoes" && line["message"] == "\(message.id)")
                    #expect(line["key"] == "k\(size)" && line["attempt"] == "1")
                }
            }
            for line in lines.value where "\(line["line"] ?? "")".hasPrefix("commit") {
                let isAlone = line["line"] == "commit 1"
                #expect(line["queue"] == "shoes")
                #expect(isAlone ? line["message"] != nil : "commit \(line["messages"] ?? "")" == line["line"])
            }
        }
    }

    @Test("what the worker says of a message carries its key and attempt, too")
    func worker() async throws {
        try await Bench.with(QueueSettings(retry: RetryPolicy(attempts: 2, base: .milliseconds(1)))) { bench in
            try await bench.send(1)
            let lines = Tally<[Logger.Metadata]>([])
            let broker = Broker(bench.database, logger: logger(lines, nil))
            try await Bench(bench, by: broker).work([Polish { _ in throw NeverHappened(description: "worn out") }]) {
                log in
                try await log.wait("it is dead") { $0.deadReasons.count == 1 }
            }
            let retrying = try #require(lines.value.first { $0["line"] == "retrying" })
            #expect(retrying["key"] == "k0" && retrying["attempt"] == "1" && retrying["queue"] == "shoes")
            let dead = try #require(lines.value.first { $0["line"] == "dead letter" })
            #expect(dead["key"] == "k0" && dead["attempt"] == "2" && dead["reason"] == "attempts-exhausted")
            #expect(dead["error"] == "worn out")
        }
    }
}

extension Bench {
    /// The same, with a logger of its own.
    fileprivate init(_ bench: Bench, by broker: Broker) {
        database = bench.database
        self.broker = broker
        (consumer, queue) = (bench.consumer, bench.queue)
    }
}
