import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport
import Testing

@Suite("Draining runs the steps themselves, until nothing is left", .timeLimit(.minutes(10)))
struct DrainTests {
    @Test("a drain handles messages that follow from messages too, and its report counts each queue")
    func followUps() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1, 2, 3, 500)
            let carried = Tally(0)
            let report = try await test.drain([
                Carry(queue: Depot.shelves) { _ in carried.change { $0 += 1 } }, Sort(broker: test.broker),
                Carry(queue: Depot.log) { _ in },
            ])
            try report.requireAllDone()
            #expect(report.done(in: "arrivals") == 4 && report.done(in: "shelves") == 3 && report.done(in: "log") == 3)
            #expect(report.done() == 10 && carried.value == 3 && report.elapsed == .zero)
            #expect(report.description.contains("arrivals: 4 done, 0 retried, 0 dead-lettered, 0 released"))
            #expect(try await test.drain([Sort(broker: test.broker)]).handled.isEmpty)
        }
    }

    @Test("a drain empties a backlog of many batches and lanes, prepared or not, each message once")
    func backlog() async throws {
        try await TestBroker.with { test in
            for start in stride(from: 0, to: 600, by: 60) {
                try await test.broker.send((start..<start + 60).map { Outgoing(Parcel(weight: $0)) }, to: Depot.log)
            }
            let seen = Tally<[Int]>([])
            let report = try await test.drain([
                Carry(queue: Depot.log) { parcel in seen.change { $0.append(parcel.payload.weight) } }
            ])
            #expect(report.done() == 600 && seen.value.sorted() == Array(0..<600))
        }
    }

    @Test(
        "a failing step's errors are in the drain's report, in the demand that all be done, and nothing else is held up"
    )
    func failures() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1, 13, 2)
            let step = Sort(broker: test.broker) { batch, _ in
                if batch.contains(where: { $0.payload.weight == 13 }) { throw Trouble() }
            }
            let report = try await test.drain([step])
            #expect(report.done() == 2 && report.retried() == 1)
            let failure = try report.failures.only()
            #expect(failure.key == "p13" && failure.error == "the belt is stuck" && failure.attempt == 1)
            #expect(failure.outcome == .retried(after: .seconds(60)))
            #expect {
                try report.requireAllDone()
            } throws: {
                "\($0)".contains("p13") && "\($0)".contains("the belt is stuck")
            }
        }
    }

    @Test(
        "a drain retries as far as the test lets time pass, without jitter and without waiting, up to the dead letters")
    func horizon() async throws {
        try await TestBroker.with { test in
            try await test.arrive(13)
            let step = Sort(broker: test.broker) { _, _ in throw Trouble() }
            // Seconds may pass by themselves as well.
            #expect(try await test.drain([step], advancingUpTo: .seconds(30)).retried() == 1)
            let second = try await test.drain([step], advancingUpTo: .seconds(60))
            #expect(second.retried() == 1 && second.handled[0].attempt == 2)
            #expect(second.handled[0].outcome == .retried(after: .seconds(120)))
            // What has passed by itself needs no help, and the rest was not waited for.
            #expect(second.elapsed > .zero && second.elapsed <= .seconds(60))
            let third = try await test.drain([step], advancingUpTo: .seconds(3600))
            #expect(third.handled.map(\.outcome) == [.deadLettered(reason: "attempts-exhausted")])
            #expect(third.elapsed > .zero && third.elapsed <= .seconds(120))
            let letter = try await test.deadLetters(of: Depot.arrivals).only()
            #expect(letter.payload == Parcel(weight: 13) && letter.attempts == 3 && letter.error == "the belt is stuck")
        }
    }

    @Test("a drain names a step that hangs, even one that heeds no cancellation, within the limit")
    func hanging() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1)
            let hasBegun = Tally(false)
            let stubborn = Carry(queue: Depot.arrivals, options: StepOptions(limit: .seconds(600))) { _ in
                hasBegun.change { $0 = true }
                await withCheckedContinuation { continuation in Forgotten.keep(continuation) }
            }
            var error: TestError?
            // A limit that is too short for the step to take its message says nothing about steps that hang.
            for limit in [Duration.seconds(2), .seconds(10), .seconds(60)] where !hasBegun.value {
                error = await #expect(throws: TestError.self) { try await test.drain([stubborn], limit: limit) }
            }
            guard case .limitReached(_, let open) = error else {
                Issue.record("another error: \(String(describing: error))")
                return
            }
            #expect(
                open.contains { $0.contains("busy") && $0.contains("p1") } && open.contains("arrivals: 1 in flight"))
            Forgotten.release()
        }
    }

    @Test("a drain ends messages that beget messages for ever at the limit")
    func endless() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1)
            let step = Sort(broker: test.broker) { [broker = test.broker] batch, session in
                try broker.send(batch.map { Outgoing($0.payload) }, to: Depot.arrivals, in: session)
            }
            await #expect(throws: TestError.self) { try await test.drain([step], limit: .milliseconds(500)) }
        }
    }

    @Test("a drain tells what somebody else holds, and what is paused, instead of waiting for it")
    func heldElsewhere() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1)
            let held = try await test.broker.receive("arrivals", lease: .seconds(900))
            let step = Sort(broker: test.broker)
            await #expect { try await test.drain([step]) } throws: { "\($0)".contains("arrivals: 1 in flight") }
            #expect(try await test.drain([step], advancingUpTo: .seconds(901)).done() == 1)
            await #expect(throws: QueueError.self) { try await test.broker.complete(held) }

            try await test.broker.pause("arrivals")
            try await test.arrive(2)
            await #expect { try await test.drain([step]) } throws: { "\($0)".contains("1 waiting, paused") }
        }
    }

    @Test("a drain of a queue that keeps order tells what is held, which comes in its order once time passes")
    func ordered() async throws {
        try await TestBroker.with { test in
            let line = Queue<Parcel>("line")
            let retry = RetryPolicy(attempts: 2, base: .seconds(60), cap: .seconds(60))
            try await test.broker.declare(queue: line.name, QueueSettings(retry: retry, order: .blockOnFailure))
            try await test.broker.send((1...3).map { Outgoing(Parcel(weight: $0), key: "a") }, to: line)
            let seen = Tally<[Int]>([])
            func carry(failing: Bool) -> Carry {
                Carry(queue: line) { parcel in
                    seen.change { $0.append(parcel.payload.weight) }
                    if failing, parcel.payload.weight == 1 { throw Trouble() }
                }
            }
            let report = try await test.drain([carry(failing: true)])
            #expect(
                try report.failures.only { $0.error == "the belt is stuck" }.outcome == .retried(after: .seconds(60)))
            #expect(try await test.sent(to: line).payloads().map(\.weight) == [1, 2, 3])
            #expect(try await test.sent(to: line).map(\.state) == [.held, .held, .held])
            let second = try await test.drain([carry(failing: true)], advancingUpTo: .seconds(600))
            #expect(second.handled.map(\.outcome) == [.held] && second.done() == 0)
            #expect(try await test.sent(to: line).map(\.state) == [.held, .held, .held])
            #expect(try await test.deadLetters(in: line.name).isEmpty)
        }
    }

    @Test("a drain lets through what a queue's rate allows in the virtual time that may pass")
    func rate() async throws {
        try await TestBroker.with { test in
            let slow = Queue<Parcel>("slow")
            let limits = QueueLimits(rate: 1 / 3600, burst: 1)
            try await test.broker.declare(queue: slow.name, QueueSettings(limits: limits))
            try await test.broker.send((1...5).map { Outgoing(Parcel(weight: $0)) }, to: slow)
            let step = Carry(queue: slow) { _ in }
            await #expect { try await test.drain([step]) } throws: { "\($0)".contains("slow: 4 waiting") }
            let report = try await test.drain([step], advancingUpTo: .days(1))
            #expect(report.done() == 4 && report.elapsed > .hours(3) && report.elapsed <= .hours(4))
        }
    }

    @Test("a drain waits for lanes that a transaction of the test holds, until it ends")
    func busyLanes() async throws {
        try await TestBroker.with { test in
            try await test.broker.send([Outgoing(Parcel(weight: 1), delay: .milliseconds(1))], to: Depot.log)
            let holder = try await test.database.dedicatedConnection(named: "holder")
            try await holder.execute(
                "SELECT pg_advisory_lock(mq.lock_class() + q.id, lane) FROM mq.queues q, generate_series(0, 3) AS lane")
            async let report = test.drain([Carry(queue: Depot.log) { _ in }], advancingUpTo: .seconds(1))
            try await eventually("the delay is over") {
                try await test.database.query("SELECT count(*) FROM mq.scheduled WHERE due_at <= now()") {
                    try $0[0, as: Int.self]
                } == [1]
            }
            await holder.close()
            #expect(try await report.done() == 1)
        }
    }
}

/// Continuations of a step that never returns, until the test lets it.
private enum Forgotten {
    private static let kept = Tally<[CheckedContinuation<Void, Never>]>([])
    static func keep(_ continuation: CheckedContinuation<Void, Never>) { kept.change { $0.append(continuation) } }
    static func release() {
        let all = kept.value
        kept.change { $0 = [] }
        for continuation in all { continuation.resume() }
    }
}
