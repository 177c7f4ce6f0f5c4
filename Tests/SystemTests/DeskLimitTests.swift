import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@Suite("The desk does not hurt the database", .timeLimit(.minutes(10)))
struct DeskLimitTests {
    @Test(
        "a page whose statement takes longer than the desk allows is broken off by the server and says so; others go on"
    )
    func limit() async throws {
        try await TestDatabase.with(.openShop) { database in
            let environment = [
                "DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical", "STATEMENT_TIME": "500ms",
            ]
            try await TestProcess.with("shop-desk", environment: environment) { desk in
                @Sendable func get(_ path: String) async throws -> (status: UInt, body: String) {
                    let request = HTTPClientRequest(url: (desk.addresses["address"] ?? "") + path)
                    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
                    return (response.status.code, String(buffer: try await response.body.collect(upTo: 1 << 20)))
                }
                try await eventually("it is there") { try await get("/dead").status == 200 }
                let holder = try await Connection.open(database.conninfo)
                try await holder.script(
                    "SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE mq.dead_letters IN ACCESS EXCLUSIVE MODE"
                )
                let broken = try await get("/dead")
                #expect(broken.status == 503 && broken.body.contains("longer for this than a page may"), "\(broken)")
                try await eventually("others go on") { try await get("/audit").status == 200 }
                await holder.close()
                try await eventually("it is there again") { try await get("/dead").status == 200 }
            }
        }
    }
}
