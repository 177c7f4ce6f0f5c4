import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A worker that is a whole program", .timeLimit(.minutes(10)))
struct ProgramTests {
    private static let waiting: Statement = """
        SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 77
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """

    @Test("SIGTERM makes a program that is a worker finish the message in flight, say goodbye and end with success")
    func drains() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            let latch = try await bench.database.dedicatedConnection(named: "latch")
            try await latch.execute("SELECT pg_advisory_lock(77)")
            try await bench.send(1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                let conninfo = bench.database.conninfo
                group.addTask {
                    let end = try await TestProcess.end(of: "test-programs", ["latched", conninfo])
                    #expect(end.status == 0)
                }
                try await eventually("its message is in flight") { try await bench.number(Self.waiting) == 1 }
                let worker = try await bench.number("SELECT pid FROM mq.consumers WHERE name = 'program'")
                kill(Int32(worker), SIGTERM)
                await latch.close()
                try await group.waitForAll()
            }
            #expect(try await bench.effects() == [1, 0])
            let left = try await bench.number(
                "SELECT count(*) FROM mq.consumers WHERE name = 'program' AND ended_at IS NULL")
            #expect(left == 0)
            #expect(try await bench.number("SELECT count(*) FROM mq.completions WHERE outcome <> 'd'") == 0)
            #expect(try await bench.audit() == [])
        }
    }
}
