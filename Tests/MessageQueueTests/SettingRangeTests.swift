import Durations
import Foundation
import Postgres
import Testing

@testable import MessageQueue

@Suite("Settings lie in ranges", .timeLimit(.minutes(10)))
struct SettingRangeTests {
    /// The longest that can be written down at all, and then some.
    private static let absurd: [Duration] = [.seconds(367 * 86_400), .seconds(Int64.max), .seconds(1e20), .seconds(-1)]

    private func refusal(of action: () async throws -> Void) async -> String? {
        do { try await action() } catch QueueError.invalidSettings(let what) { return what } catch { return "\(error)" }
        return nil
    }

    @Test("a queue with a lease and back-offs of a year is declared, and remembers them")
    func year() async throws {
        let retry = RetryPolicy(attempts: 32_000, base: .longest, cap: .longest, jitter: 1)
        try await Bench.with(QueueSettings(lease: .longest, retry: retry)) { bench in
            let entry = try await bench.entry()
            #expect(entry.lease == .longest && entry.retry == retry)
            try await bench.send(1)
            let taken = try await bench.broker.receive("shoes", lease: .longest)
            try await bench.broker.extend(taken, to: .longest)
            #expect(taken.count == 1)
        }
    }

    @Test("a queue is not declared with a duration outside of its range, and told name, value and range")
    func durations() async throws {
        try await Bench.with { bench in
            func declaring(_ change: (inout QueueSettings) -> Void) async -> String? {
                var settings = QueueSettings()
                change(&settings)
                let changed = settings
                return await refusal { try await bench.broker.declare(queue: "boots", changed) }
            }
            for duration in Self.absurd {
                let said = duration.text
                #expect(await declaring { $0.lease = duration } == "lease is \(said); it must be from 1ms to 366d")
                #expect(
                    await declaring { $0.retry.cap = duration } == "retry.cap is \(said); it must be from 0s to 366d")
                #expect(
                    await declaring { $0.retry.base = duration }
                        == "retry.base is \(said); it must be from 0s to 1m (its cap)")
            }
            #expect(await declaring { $0.lease = .microseconds(10) } == "lease is 0.01ms; it must be from 1ms to 366d")
            await #expect(throws: QueueError.unknownQueue("boots")) {
                try await bench.broker.receive("boots", lease: .seconds(1))
            }
        }
    }

    @Test("a queue is not declared with a number outside of its range, and told name, value and range")
    func numbers() async throws {
        try await Bench.with { bench in
            func declaring(_ settings: QueueSettings) async -> String? {
                await refusal { try await bench.broker.declare(queue: "boots", settings) }
            }
            for lanes in [Int.min, 0, 65, .max] {
                #expect(await declaring(QueueSettings(lanes: lanes)) == "lanes is \(lanes); it must be from 1 to 64")
            }
            #expect(
                await declaring(QueueSettings(lanes: 22, priorities: .three))
                    == "lanes is 22; it must be from 1 to 21 in a queue with priorities")
            #expect(
                await declaring(QueueSettings(lanes: 33, order: .skipOnFailure))
                    == "lanes is 33; it must be from 1 to 32 in a queue that keeps order")
            for attempts in [Int.min, 0, 32_001, .max] {
                #expect(
                    await declaring(QueueSettings(retry: RetryPolicy(attempts: attempts)))
                        == "retry.attempts is \(attempts); it must be from 1 to 32000")
            }
            for jitter in [-0.1, 1.1, .infinity, .nan] {
                #expect(
                    await declaring(QueueSettings(retry: RetryPolicy(jitter: jitter)))
                        == "retry.jitter is \(jitter); it must be from 0.0 to 1.0")
            }
            #expect(
                await declaring(QueueSettings(limits: QueueLimits(concurrency: .max)))
                    == "limits.concurrency is \(Int.max); it must be from 1 to 2147483647")
        }
    }

    @Test(
        "a redrive refuses a rate outside of its range", arguments: [0, -1, .infinity, -.infinity, .nan, 1e300, 1e-300])
    func redrives(rate: Double) async throws {
        try await Bench.with { bench in
            let said = await refusal { _ = try await bench.broker.redrive(rate: rate) }
            #expect(said?.hasPrefix("rate is \(rate); it must be from ") == true)
        }
    }

    @Test("nothing is received for a lease that is over at once, nor so many as none")
    func receiving() async throws {
        try await Bench.with { bench in
            for lease in [Duration.zero, .seconds(-1), .microseconds(10), .seconds(Int64.min)] {
                let said = await refusal { _ = try await bench.broker.receive("shoes", lease: lease) }
                #expect(said == "lease is \(lease.text); it must be from 1ms to 366d")
            }
            let said = await refusal { _ = try await bench.broker.receive("shoes", limit: 0, lease: .seconds(1)) }
            #expect(said == "limit is 0; it must be from 1 to \(Int.max)")
        }
    }

    @Test("nothing is listed up to less than one entry, and the caller is told so before anybody is asked")
    func limits() async throws {
        let broker = Broker(Database("host=/nobody-serves-here"))
        let id = MessageID()
        let calls: [@Sendable (Int) async throws -> Void] = [
            { _ = try await broker.deadLetters(limit: $0) }, { _ = try await broker.deadLetterHeads(limit: $0) },
            { _ = try await broker.blockedKeys(limit: $0) }, { _ = try await broker.trace("k1", limit: $0) },
            { _ = try await broker.operatorActions(limit: $0) },
            { _ = try await broker.redriven(by: 1, limit: $0) },
            { _ = try await broker.inspect(id, limit: $0) }, { _ = try await broker.queues(limit: $0) },
            { _ = try await broker.topics(prefix: "", limit: $0) },
            { _ = try await broker.subscriptions(of: "news", limit: $0) },
        ]
        for call in calls {
            for limit in [Int.min, -1, 0] {
                await #expect(throws: QueueError.invalidArgument("limit is \(limit); it must be from 1 to \(Int.max)"))
                {
                    try await call(limit)
                }
            }
        }
        await #expect(throws: QueueError.invalidArgument("bodyLimit is -1; it must be from 0 to \(Int.max)")) {
            try await broker.inspect(id, bodyLimit: -1)
        }
    }

    @Test("a body can be read up to none of its bytes")
    func noBody() async throws {
        try await Bench.with { bench in
            let id = try await bench.broker.send(Shoe(size: 42), to: bench.shoes)
            let record = try #require(try await bench.broker.inspect(id, bodyLimit: 0))
            #expect(record.message.body.isEmpty && record.bodySize > 0 && !record.isWhole)
        }
    }

    @Test("dead letters can be asked for by any age, and none is older than the longest")
    func ages() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            try await bench.broker.deadLetter(bench.receive().map { .init($0, reason: "test", error: "given up") })
            for age in [Duration.longest, .seconds(Int64.max), .seconds(1e20)] {
                #expect(try await bench.broker.deadLetters(DeadLetterFilter(olderThan: age)).isEmpty)
                #expect(try await bench.broker.redrive(DeadLetterFilter(olderThan: age)).matched == 0)
            }
            #expect(try await bench.broker.redrive(DeadLetterFilter(olderThan: .zero), rate: 1e9).moved == 1)
        }
    }

    @Test("a worker does not start with an option outside of its range, and tells which")
    func workers() async throws {
        try await Bench.with { bench in
            func running(_ options: WorkerOptions = .init(), _ step: StepOptions = .init()) async -> String? {
                let step = Polish(options: step) { _ in }
                return await refusal {
                    try await Worker("w", broker: bench.broker, steps: [step], options: options).run()
                }
            }
            for duration in Self.absurd {
                #expect(await running(WorkerOptions(poll: duration))?.hasPrefix("poll is ") == true)
                #expect(await running(WorkerOptions(drainLimit: duration))?.hasPrefix("drainLimit is ") == true)
                #expect(await running(WorkerOptions(upkeepInterval: duration))?.hasPrefix("upkeepInterval is ") == true)
                #expect(await running(WorkerOptions(gaugeInterval: duration))?.hasPrefix("gaugeInterval is ") == true)
                let queues = QueueMetrics(bench.broker, every: duration)
                #expect(await refusal { try await queues.run() }?.hasPrefix("interval is ") == true)
                let retention = Broker.Retention(keep: duration)
                #expect(await running(WorkerOptions(retention: retention))?.hasPrefix("retention.keep is ") == true)
                #expect(
                    await running(.init(), StepOptions(limit: duration))
                        == "limit of the step on queue shoes is \(duration.text); it must be from 1ms to 366d")
                let pause = CircuitBreaker(pause: duration)
                #expect(await running(.init(), StepOptions(breaker: pause))?.hasPrefix("breaker.pause of ") == true)
            }
            for count in [Int.min, 0, .max] {
                #expect(await running(.init(), StepOptions(batch: count))?.hasPrefix("batch of the step") == true)
                #expect(await running(.init(), StepOptions(concurrency: count))?.hasPrefix("concurrency of ") == true)
            }
        }
    }

    @Test("a back-off is never longer than twice the longest duration, whatever the policy says")
    func backoff() {
        let durations: [Duration] = [.seconds(-1), .zero, .seconds(1), .seconds(Int64.max), .seconds(1e20)]
        for base in durations {
            for cap in durations {
                for (jitter, draw) in [(0.2, 1.0), (Double.nan, 1), (.infinity, -1), (1e300, 1), (1, .nan)] {
                    let policy = RetryPolicy(base: base, cap: cap, jitter: jitter)
                    for attempt in [Int.min, 1, 31, .max] {
                        #expect(policy.backoff(after: attempt, draw: draw) < Duration.longest * 2 + .seconds(1))
                    }
                }
            }
        }
        #expect(RetryPolicy(base: .seconds(1), cap: .seconds(60), jitter: 0).backoff(after: 4, draw: 1) == .seconds(8))
    }

    @Test("a loop has its time whatever limits its database has, and a year for each of them at the most")
    func calls() {
        var options = DatabaseOptions()
        options.waitLimit = .seconds(1e20)
        options.connection.connectTimeout = .seconds(1e20)
        options.connection.silenceLimit = .seconds(1e20)
        let broker = Broker(Database("", options: options))
        #expect(broker.longestCall == Duration.longest * 3 + .seconds(5))
    }

    @Test("an id can be made for any date, and ids of later dates never sort before")
    func ids() {
        let dates = [-Double.infinity, -1e20, 0, 1e9, 1e20, .infinity, .nan].map { Date(timeIntervalSince1970: $0) }
        let prefixes = dates.map { MessageID(at: $0).description.prefix(13) }
        #expect(prefixes[0..<6].elementsEqual(prefixes[0..<6].sorted()))
    }
}
