import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite("A test", .timeLimit(.minutes(10)))
struct TestSupportTests {
    @Test("a test has a database of its own, copied from a template that is made once")
    func databases() async throws {
        let made = Mutex(0)
        let template = Template("counted") { database in
            made.withLock { $0 += 1 }
            try await database.script("CREATE TABLE shoe AS SELECT 42 AS size")
        }
        async let first = TestDatabase.with(template) { database in
            try await database.execute("DELETE FROM shoe")
        }
        async let second = TestDatabase.with(template) { database in
            try await database.query("SELECT size FROM shoe") { try $0[0, as: Int.self] }
        }
        #expect(try await first == 1)
        let sizes = try await second
        #expect(sizes == [42])
        #expect(made.withLock { $0 } == 1)
    }

    @Test("however many tests begin at once, no more of them have a database than their server has connections for")
    func crowd() async throws {
        let now = Tally(0)
        let most = Tally(0)
        let allowed = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    try await TestDatabase.with(.empty) { database in
                        now.change { $0 += 1 }
                        let count = now.value
                        most.change { $0 = max($0, count) }
                        defer { now.change { $0 -= 1 } }
                        return try await database.query(
                            "SELECT current_setting('max_connections')::int FROM pg_sleep(0.5)"
                        ) { try $0[0, as: Int.self] }[0]
                    }
                }
            }
            return try await group.reduce(.max, min)
        }
        // Two pools of eight for each, and some connections beside them.
        #expect(most.value * 20 < allowed)
    }

    @Test("a test runs an executable as a process that listens, can be killed, and is gone afterwards")
    func processes() async throws {
        let data = "/tmp/shoeshop-data-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: data) }
        let environment = ["PAYMENT_PORT": "0", "LOGISTICS_PORT": "0", "DATA": data]
        let processID = try await TestProcess.with("provider-sandbox", environment: environment) { sandbox in
            #expect(sandbox.addresses["address"]?.hasPrefix("http://") == true)
            #expect(kill(sandbox.processID, 0) == 0)
            sandbox.signal(SIGKILL)
            return sandbox.processID
        }
        #expect(kill(processID, 0) != 0)
    }
}
