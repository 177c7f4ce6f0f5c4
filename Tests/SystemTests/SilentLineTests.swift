import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

@testable import Scenarios

/// Processes whose lines to the database look open and carry nothing.
@Suite("Processes behind silent lines", .serialized, .timeLimit(.minutes(10)))
struct SilentLineTests {
    @Test("a worker through whose lines nothing comes is live, not ready, names its loops, and ends on SIGTERM in time")
    func worker() async throws {
        try await SilentLine.with { line in
            try await TestProcess.with("order-worker", environment: line.environment) { worker in
                try await eventually("it is ready") { try await line.get("/health/ready", of: worker).status == 200 }
                try await line.proxy.begin(.halfOpen)
                try await eventually("its loops are named") {
                    let answer = try await line.get("/health/ready", of: worker)
                    return answer.status == 503 && answer.body.contains("receive orders has not come round for")
                }
                #expect(try await line.get("/health/live", of: worker).status == 200)
                worker.signal(SIGTERM)
                try await eventually("it has ended") { worker.hasEnded }
                #expect([0, 75].contains(worker.exitStatus))
            }
        }
    }

    @Test(
        "a worker is ready again by itself once its lines have fallen silent and new ones pass; SIGTERM ends it with status 0"
    )
    func recovery() async throws {
        try await SilentLine.with { line in
            try await TestProcess.with("order-worker", environment: line.environment) { worker in
                try await eventually("it is ready") { try await line.get("/health/ready", of: worker).status == 200 }
                let before = try await line.backends("order-worker")
                try await line.proxy.begin(.silence)
                try await eventually("it has new lines") {
                    try await line.backends("order-worker").subtracting(before).count > 1
                }
                try await eventually("it is ready") { try await line.get("/health/ready", of: worker).status == 200 }
                try await line.proxy.begin(.silence)
                worker.signal(SIGTERM)
                try await eventually("it has ended") { worker.hasEnded }
                #expect(worker.exitStatus == 0)
            }
        }
    }

    @Test("an order that falls into the silence is answered 503 with Retry-After, and the next one is accepted")
    func orderAPI() async throws {
        try await SilentLine.with { line in
            try await TestProcess.with("order-api", environment: line.environment) { api in
                #expect(try await line.order(at: api).status == 202)
                // A line that is just being made when the others fall silent is a new one.
                let answer = try await eventually("an order falls into the silence") {
                    () -> (status: UInt, retryAfter: String?)? in
                    try await line.proxy.begin(.silence)
                    let answer = try await line.order(at: api)
                    return answer.status == 202 ? nil : answer
                }
                #expect(answer.status == 503 && answer.retryAfter == "2")
                // All other silent lines have been left together with the first one.
                #expect(try await line.order(at: api).status == 202)
                #expect(try await line.get("/health/ready", of: api).status == 200)
            }
        }
    }

    @Test("a command whose line falls silent says so and ends")
    func command() async throws {
        try await SilentLine.with { line in
            let holder = try await line.database.dedicatedConnection(named: "holder")
            try await holder.script(
                "SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE mq.queues IN ACCESS EXCLUSIVE MODE")
            async let end = TestProcess.end(of: "shoeshop", ["queues", "--database-url", line.conninfo])
            try await eventually("it waits for the table") {
                // Not by the holder, whose transaction would see the same again and again.
                try await line.database.query(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
                ) { _ in 1 }.count == 1
            }
            try await line.proxy.begin(.silence)
            try await holder.script("ROLLBACK")
            await holder.close()
            let ended = try await end
            #expect(ended.status > 0)
            #expect(ended.complaint.contains("did not react to a cancel request"), "\(ended)")
        }
    }

    @Test("a command that reaches nobody says so and ends")
    func deaf() async throws {
        try await SilentLine.with { line in
            try await line.proxy.begin(.halfOpen)
            let ended = try await TestProcess.end(
                of: "shoeshop", ["queues", "--database-url", line.conninfo])
            #expect(ended.status > 0)
            #expect(ended.complaint.contains("in time"), "\(ended)")
        }
    }
}

/// The way from a process to the shop's database; the test itself has another one.
private struct SilentLine: Sendable {
    let database: Database
    let proxy: Proxy
    let conninfo: String

    var environment: [String: String] {
        ["DATABASE_URL": conninfo, "LOG_LEVEL": "critical", "SHUTDOWN_TIMEOUT": "20s"]
    }

    static func with(_ body: @escaping @Sendable (SilentLine) async throws -> Void) async throws {
        try await TestDatabase.with(.openShop) { database in
            let sockets = try await database.query(
                "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')"
            ) { try $0[0, as: String.self] }
            let proxy = try await Proxy(to: .unixSocket(path: try #require(sockets.first)))
            // Of a key that is given twice, libpq takes the second.
            let conninfo = "\(database.conninfo) host='127.0.0.1' port=\(proxy.port) sslmode=disable gssencmode=disable"
            let outcome: Result<Void, any Error>
            do {
                outcome = .success(
                    try await body(SilentLine(database: database, proxy: proxy, conninfo: conninfo)))
            } catch { outcome = .failure(error) }
            await proxy.close()
            try outcome.get()
        }
    }

    func get(_ path: String, of process: TestProcess) async throws -> (status: UInt, body: String) {
        let request = HTTPClientRequest(url: (process.addresses["address"] ?? "") + path)
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        return (response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 20)))
    }

    func order(at api: TestProcess) async throws -> (status: UInt, retryAfter: String?) {
        var request = HTTPClientRequest(url: (api.addresses["address"] ?? "") + "/orders")
        request.method = .POST
        request.headers = ["Content-Type": "application/json"]
        request.body = .bytes(
            ByteBuffer(
                string: """
                    {"customer": {"name": "Ada", "email": "ada@example.com"}, "paymentToken": "tok_visa",
                     "address": {"recipient": "Ada", "street": "Way 1", "city": "Bonn", "postcode": "53111", "country": "DE"},
                     "lines": [{"sku": "RUNNER-42-TAN", "quantity": 1}]}
                    """))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        _ = try await response.body.collect(upTo: 1 << 20)
        return (response.status.code, response.headers.first(name: "Retry-After"))
    }

    /// The server processes of a program.
    func backends(_ name: String) async throws -> Set<Int32> {
        Set(
            try await database.query(
                "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()", name
            ) { try $0[0, as: Int32.self] })
    }
}
