import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

private struct Trouble: StepFailure, CustomStringConvertible {
    var disposition: Disposition = .retry
    var description = "trouble"
}

@Suite("A worker handles everything, once in effect", .timeLimit(.minutes(10)))
struct WorkerTests {
    private static let quick = QueueSettings(
        retry: RetryPolicy(attempts: 3, base: .milliseconds(1), cap: .milliseconds(5)))
    private static let waitingForLock: Statement = """
        SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 5
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
    /// So long that only a ring explains an answer.
    private static let patient = WorkerOptions(poll: .seconds(3600))

    @Test("every message leaves one effect, through both kinds of step and two workers")
    func plain() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.work([Lace()], named: "one") { one in
                try await bench.work([Polish { _ in }], named: "two") { two in
                    for start in stride(from: 0, to: 600, by: 60) { try await bench.send(60, from: start) }
                    try await eventually("all are handled") { one.events.doneCount + two.events.doneCount == 600 }
                }
            }
            #expect(try await bench.effects() == [600, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("an idle worker wakes at once, rung by this process or by another, and for what becomes due")
    func wakeUp() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.work([Lace()], Self.patient) { log in
                try await log.connected()
                for size in 0..<10 {
                    try await bench.send(1, from: size)
                    try await log.done(size + 1)
                }
                try await bench.broker.send([Outgoing(Shoe(size: 10), delay: .milliseconds(300))], to: bench.shoes)
                try await log.done(11)
            }
        }
    }

    @Test("an unreadable payload becomes a dead letter at once, and its neighbours pass")
    func poison() async throws {
        try await Bench.with(Self.quick) { bench in
            try await bench.createEffects()
            try await bench.broker.pause("shoes")
            try await bench.send(20)
            try await bench.broker.send([Outgoing("no shoe")], to: Queue<String>("shoes"))
            try await bench.send(20, from: 20)
            try await bench.broker.resume("shoes")
            for step in [Lace() as any WorkerStep, Polish { _ in }] {
                try await bench.work([step]) { log in
                    try await eventually("40 effects") { try await bench.effects() == [40, 0] }
                    try await log.wait("one dead letter, and why") { $0.deadReasons == ["unreadable-payload"] }
                    #expect(try await bench.statistics().dead == 1)
                }
                _ = try await bench.broker.redrive()
            }
        }
    }

    @Test(
        "a message whose commit fails does not hold up its neighbours, whatever the failure",
        arguments: [
            "trouble", "trou\0ble", "55P03", "23505", "bury", "b\0ury",
        ])
    func failingCommit(kind: String) async throws {
        try await Bench.with(Self.quick) { bench in
            try await bench.createEffects()
            try await bench.broker.pause("shoes")
            try await bench.send(40)
            try await bench.broker.resume("shoes")
            let step = Lace { batch, session in
                guard batch.contains(where: { $0.payload.size == 13 }) else { return }
                switch kind {
                case "55P03", "23505": try session.script("DO $$ BEGIN RAISE SQLSTATE '\(kind)'; END $$")
                case "bury", "b\0ury": throw Trouble(disposition: .deadLetter(reason: kind))
                default: throw Trouble(description: kind)
                }
            }
            try await bench.work([step]) { log in
                try await log.wait("it is given up") { $0.deadReasons.count == 1 }
                try await log.done(39)
                let isBuried = kind.hasSuffix("ury")
                #expect(log.events.deadReasons == [isBuried ? "bury" : "attempts-exhausted"])
                let dead = try await bench.broker.deadLetters()
                #expect(dead.map(\.attempts) == [isBuried ? 1 : 3] && dead[0].error?.isEmpty == false)
            }
            #expect(try await bench.effects() == [39, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a step that only writes and sets how many batches are under way keeps its own kind's size of them")
    func options() async throws {
        try await Bench.with(.init(lanes: 1)) { bench in
            try await bench.createEffects()
            try await bench.send(600)
            let largest = Tally(0)
            let step = Lace(options: StepOptions(concurrency: 1)) { batch, _ in
                largest.change { $0 = max($0, batch.count) }
            }
            try await bench.work([step]) { log in try await log.done(600) }
            #expect(largest.value > 200)
        }
    }

    @Test("a `Date` in a payload is a number, the milliseconds since 1970, as senders in other languages are told")
    func dates() throws {
        let encoded = try Payloads.encode([Date(timeIntervalSince1970: 1.5)])
        #expect(String(decoding: encoded, as: UTF8.self) == "[1500]")
    }

    @Test("a snooze burns no attempt, a retry with a time of its own burns one")
    func snoozing() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let attempts = Tally<[Int]>([])
            let step = Polish { delivery in
                attempts.change { $0.append(delivery.attempt) }
                switch attempts.value.count {
                case 1, 2: throw Trouble(disposition: .snooze(.milliseconds(1)))
                case 3: throw Trouble(disposition: .retryAfter(.milliseconds(1)))
                default: break
                }
            }
            try await bench.work([step], Self.patient) { log in
                try await bench.send(1)
                try await log.done(1)
            }
            #expect(attempts.value == [1, 1, 1, 2])
        }
    }

    @Test("preparing that takes too long has failed, and is tried again")
    func timeLimit() async throws {
        // On a busy machine later attempts may take too long as well.
        let settings = QueueSettings(
            retry: RetryPolicy(attempts: 1000, base: .milliseconds(1), cap: .milliseconds(5)))
        try await Bench.with(settings) { bench in
            try await bench.createEffects()
            let step = Polish(options: StepOptions(limit: .milliseconds(50))) { delivery in
                if delivery.attempt == 1 { try await Task.sleep(for: .seconds(3600)) }
            }
            try await bench.work([step]) { log in
                try await bench.send(3)
                try await log.done(3)
            }
            #expect(try await bench.effects() == [3, 0])
        }
    }

    @Test("a worker stopped beyond its lease changes nothing by its late commit, and the message is handled again")
    func stoppedWorker() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let holder = try await bench.database.dedicatedConnection(named: "holder")
            try await holder.execute("SELECT pg_advisory_lock(5)")
            let step = Lace { batch, session in
                if batch.contains(where: { $0.attempt == 1 }) { try session.execute("SELECT pg_advisory_xact_lock(5)") }
            }
            try await bench.work([step], Self.patient) { log in
                try await bench.send(4)
                try await eventually("its commits hang") {
                    let waiting = try await bench.number(Self.waitingForLock)
                    let inFlight = try await bench.statistics().inFlight
                    return waiting > 0 && inFlight == 4
                }
                let entry = try await bench.broker.entries(of: ["shoes"], on: bench.database)[0]
                #expect(try await bench.broker.rescue(entry, from: log.events.consumers, beyond: []) == 4)
                await holder.close()
                try await log.wait("the lease is lost") { $0.leaseLostCount == 4 }
                try await log.done(4)
            }
            #expect(try await bench.effects() == [4, 0])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a worker whose connection string libpq refuses ends at once, and tries nothing again")
    func malformedString() async throws {
        var options = DatabaseOptions()
        options.directConninfo = "host=h port=none"
        let broker = Broker(Database("postgresql:///shop", options: options))
        let error = await #expect(throws: PostgresError.self) {
            try await Worker("worker", broker: broker, steps: [Lace()]).run()
        }
        #expect(error?.kind == .invalidConnectionString)
    }
}
