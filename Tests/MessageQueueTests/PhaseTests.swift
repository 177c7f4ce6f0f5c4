import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import MessageQueue

/// One after the other: while a phase is held up, a thread of the pool that everybody shares stands still.
@Suite("Phases of a step's work", .serialized, .timeLimit(.minutes(10)))
struct PhaseTests {
    @Test("each message and batch passes each phase of a step's work in turn, through both kinds of step")
    func order() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            for (number, step) in [Lace() as any WorkerStep, Polish { _ in }].enumerated() {
                let passed = Tally<[StepPhase]>([])
                let options = WorkerOptions(onPhase: { phase in passed.change { $0.append(phase) } })
                try await bench.work([step], options) { log in
                    try await bench.send(1, from: number)
                    try await log.done(1)
                }
                #expect(passed.value == [.afterPrepare, .beforeCommit, .afterCommit])
            }
        }
    }

    /// A transaction that waits for its client with rows of `effect` written.
    private static let writer: Statement = """
        SELECT count(*) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
        WHERE a.datname = current_database() AND a.state = 'idle in transaction'
            AND l.relation = 'effect'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted
        """

    @Test(
        "what a phase of a step's work says is so: nothing written, all executed but not committed, committed but nobody told",
        arguments: StepPhase.allCases)
    func honest(phase: StepPhase) async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let reached = AsyncStream.makeStream(of: Void.self)
            let goOn = DispatchSemaphore(value: 0)
            let options = WorkerOptions(onPhase: { now in
                guard now == phase else { return }
                reached.continuation.yield()
                goOn.wait()
            })
            try await bench.work([Polish { _ in }], options) { log in
                try await bench.send(1)
                _ = await reached.stream.first { _ in true }
                let writers = try await bench.database.query(Self.writer) { try $0[0, as: Int.self] }
                let effects = try await bench.effects()
                let told = log.events.doneCount
                let done = try await bench.statistics().inFlight == 0
                goOn.signal()
                #expect(writers == [phase == .beforeCommit ? 1 : 0])
                #expect(effects == [phase == .afterCommit ? 1 : 0, 0])
                #expect(done == (phase == .afterCommit) && told == 0)
                try await log.done(1)
            }
            #expect(try await bench.effects() == [1, 0])
        }
    }

    @Test("a commit that was never acknowledged isn't told as one, and is made again")
    func brokenCommit() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let passed = Tally<[StepPhase]>([])
            let reached = AsyncStream.makeStream(of: Void.self)
            let goOn = DispatchSemaphore(value: 0)
            let options = WorkerOptions(onPhase: { phase in
                passed.change { $0.append(phase) }
                guard phase == .beforeCommit else { return }
                reached.continuation.yield()
                goOn.wait()
            })
            try await bench.work([Polish { _ in }], options) { log in
                try await bench.send(1)
                _ = await reached.stream.first { _ in true }
                let ended = try await bench.database.query(Self.terminate) { try $0[0, as: Bool.self] }
                #expect(ended == [true])
                goOn.signal()
                goOn.signal()
                try await log.done(1)
            }
            #expect(passed.value == [.afterPrepare, .beforeCommit, .beforeCommit, .afterCommit])
            #expect(try await bench.effects() == [1, 0])
        }
    }

    private static let terminate: Statement = """
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction'
        """

    @Test("workers of two versions are told apart, and so are their traces")
    func versions() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            for version in ["1", "2026-11"] {
                try await bench.work([Lace()], WorkerOptions(version: version)) { log in
                    let sent = try await bench.broker.send(Shoe(size: 1), to: bench.shoes)
                    try await log.done(1)
                    let trace = try await bench.broker.trace("\(sent)")
                    #expect(trace.first?.worker?.hasPrefix("worker/\(version) ") == true)
                }
            }
            let known = try await bench.database.query(
                "SELECT version FROM mq.consumers WHERE name = 'worker' ORDER BY id"
            ) { try $0[0, as: String.self] }
            #expect(known == ["1", "2026-11"])
        }
    }
}
