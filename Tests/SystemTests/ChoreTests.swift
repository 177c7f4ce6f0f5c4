import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

@Suite("A chore that has failed for an hour is told", .timeLimit(.minutes(10)))
struct ChoreTests {
    /// As a worker notes it that does a chore of this name.
    private static let note: Statement = """
        INSERT INTO mq.chores (name, failing_since, error) VALUES ('sweep', now() - make_interval(mins => $1), 'permission denied')
        """

    /// What doctor found of the upkeep.
    private func upkeep(on database: Database) async throws -> [String: String] {
        let end = try await TestProcess.end(of: "shoeshop", ["doctor", "--json", "--database-url", database.conninfo])
        let findings = try JSONSerialization.jsonObject(with: Data(end.output.utf8)) as? [[String: String]]
        return try #require(findings?.first { $0["what"] == "upkeep" }, "\(end.output) \(end.complaint)")
    }

    @Test(
        "doctor names a chore that has failed for an hour, its error and what mends it, and none that failed for less")
    func doctor() async throws {
        try await TestDatabase.with(.openShop) { database in
            #expect(try await upkeep(on: database) == ["what": "upkeep", "found": "all well: 0 chores"])
            try await database.execute(Self.note, Int32(59))
            #expect(try await upkeep(on: database)["mend"] == nil)
            try await database.execute("DELETE FROM mq.chores")
            try await database.execute(Self.note, Int32(61))
            let found = try await upkeep(on: database)
            #expect(found["found"] == "fails for an hour: sweep: permission denied")
            #expect(found["mend"]?.contains("shoeshop migrate --roles") == true)
        }
    }

    @Test("doctor ends with a failure and prints BAD beside a chore that has failed for an hour")
    func doctorForPeople() async throws {
        try await TestDatabase.with(.openShop) { database in
            try await database.execute(Self.note, Int32(61))
            let end = try await TestProcess.end(of: "shoeshop", ["doctor", "--database-url", database.conninfo])
            #expect(end.status == 1)
            let line = try #require(end.output.split(separator: "\n").first { $0.contains("upkeep") }, "\(end.output)")
            #expect(line.contains("BAD") && line.contains("fails for an hour: sweep"))
        }
    }

    @Test(
        "doctor tells of a chore that has failed for an hour also where nothing of the shop's is, as behind a gateway")
    func doctorOfQueues() async throws {
        try await TestDatabase.with(.onlyQueues) { database in
            #expect(try await upkeep(on: database)["found"] == "all well: 0 chores")
            try await database.execute(Self.note, Int32(61))
            #expect(try await upkeep(on: database)["found"] == "fails for an hour: sweep: permission denied")
        }
    }

    @Test(
        "a program that does chores is not ready while one has failed for an hour, says which and why, and is ready once it goes well",
        arguments: ["order-worker", "order-api"])
    func readiness(program: String) async throws {
        try await TestDatabase.with(.openShop) { database in
            let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical"]
            try await TestProcess.with(program, environment: environment) { process in
                @Sendable func ready() async throws -> (status: UInt, body: String) {
                    let request = HTTPClientRequest(url: (process.addresses["address"] ?? "") + "/health/ready")
                    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
                    return (response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 20)))
                }
                try await eventually("it is ready") { try await ready().status == 200 }
                try await database.execute(Self.note, Int32(61))
                let answer = try await ready()
                #expect(answer.status == 503)
                #expect(
                    answer.body.contains(#""upkeep":"sweep fails for an hour: permission denied""#), "\(answer.body)")
                try await database.execute("UPDATE mq.chores SET failing_since = NULL, error = NULL, done_at = now()")
                try await eventually("it is ready again") { try await ready().status == 200 }
            }
        }
    }
}

extension ChoreTests {
    private static let postponed: Statement = """
        INSERT INTO mq.chores (name, waiting_since, error) VALUES ('sweep', now() - make_interval(mins => $1), 'lock timeout')
        """

    @Test("doctor tells of a chore that has waited for a lock for an hour, and who holds it")
    func lockHolder() async throws {
        try await TestDatabase.with(.openShop) { database in
            try await database.execute(Self.postponed, Int32(59))
            #expect(try await upkeep(on: database)["found"] == "all well: 1 chore")
            try await database.execute("UPDATE mq.chores SET waiting_since = now() - interval '61 minutes'")
            let reader = try await Connection.open(database.conninfo)
            let process = try await reader.query("SELECT pg_backend_pid()") { try $0[0, as: Int32.self] }[0]
            try await reader.script("BEGIN; SET LOCAL application_name = 'dump'; SELECT count(*) FROM mq.messages")
            let found = try await upkeep(on: database)
            let told = "waits for a lock for an hour: sweep; held by dump (process \(process), "
            #expect(found["found"]?.hasPrefix(told) == true, "\(found)")
            #expect(found["mend"]?.contains("pg_terminate_backend") == true)
            await reader.close()
        }
    }

    @Test(
        "a program that does chores stays ready however long somebody's lock keeps one from being done",
        arguments: ["order-worker", "order-api"])
    func postponed(program: String) async throws {
        try await TestDatabase.with(.openShop) { database in
            try await database.execute(Self.postponed, Int32(6000))
            let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical"]
            try await TestProcess.with(program, environment: environment) { process in
                try await eventually("it is ready") {
                    let request = HTTPClientRequest(url: (process.addresses["address"] ?? "") + "/health/ready")
                    return try await HTTPClient.shared.execute(request, timeout: .seconds(60)).status.code == 200
                }
                #expect(try await Broker(database).postponedChores().map(\.name) == ["sweep"])
            }
        }
    }
}

extension Template {
    fileprivate static let onlyQueues = Template("only-queues", migrations: [.messageQueue])
}
