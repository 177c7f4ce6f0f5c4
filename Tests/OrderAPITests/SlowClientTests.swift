import Foundation
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension OrderAPITests {
    @Suite("clients that take their time hold nothing up")
    struct SlowClientTests {
        private func with(_ body: @escaping @Sendable (API) async throws -> Void) async throws {
            try await TestDatabase.with(.emptyShop) { database in
                let environment = ["DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical", "CLIENT_TIMEOUT": "2s"]
                try await TestProcess.with("order-api", environment: environment) { process in
                    try await body(API(process: process, database: database))
                }
            }
        }

        /// Others are served meanwhile, and then the connections are gone.
        private func others(areServedBy api: API, until isOver: () -> Bool) async throws {
            // A connection that was quiet meanwhile may be hung up on at the moment of the next request.
            try await eventually("others are served") { (try? await api.get("/").status) == 200 }
            try await eventually("they can order") { (try? await api.order().status) == 202 }
            try await eventually("they are hung up on") { isOver() ? () : nil }
            try await eventually("others are served still") { (try? await api.get("/products").status) == 200 }
        }

        @Test("thousands of requests that were begun and never go on are hung up on, and others are served meanwhile")
        func halfOpen() async throws {
            try await with { api in
                let before = api.process.sockets
                let beginnings = [
                    "", "GET / HT", "POST /orders HTTP/1.1\r\nHost: a\r\nX-",
                    "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{",
                ]
                try await SlowClient.with(2000, to: api.address, saying: { beginnings[$0 % 4] }) { clients in
                    try await others(areServedBy: api) {
                        clients.allSatisfy { !$0.say("x") } && api.process.sockets < before + 100
                    }
                }
            }
        }

        @Test("a request that comes byte by byte is cut off, in its head as in its body")
        func drops() async throws {
            try await with { api in
                let heads = [
                    "GET /products HTTP/1.1\r\nHost: a\r\nX: ",
                    "POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
                ]
                try await SlowClient.with(20, to: api.address, saying: { heads[$0 % 2] }) { clients in
                    try await others(areServedBy: api) { clients.allSatisfy { !$0.say("x") } }
                }
            }
        }

        @Test("whoever takes in nothing of an answer, or of a stream of events, is hung up on")
        func deaf() async throws {
            try await with { api in
                let token = try await api.order().customerToken()
                // As long a history as no buffer takes.
                try await api.database.execute(
                    """
                    INSERT INTO orders.events (order_id, milestone, at, detail, customer, place)
                    SELECT gen_random_uuid(), e.milestone, e.at, repeat('x', 1000), e.customer, n
                    FROM orders.events e, generate_series(2, 20000) AS n WHERE e.place = 1
                    """)
                let before = api.process.sockets
                let requests = [
                    String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 2000),
                    "GET /customers/me/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n"
                        + "Accept: text/event-stream\r\n\r\n",
                ]
                try await SlowClient.with(60, to: api.address, saying: { requests[$0 % 2] }) { _ in
                    try await eventually("they are answered") { api.process.sockets > before + 30 ? () : nil }
                    try await others(areServedBy: api) { api.process.sockets < before + 20 }
                }
            }
        }

        @Test("a client that is quiet and takes in all that comes is left alone")
        func quiet() async throws {
            try await with { api in
                let token = try await api.order().customerToken()
                let none = try await api.send(
                    .GET, "/customers/me/events?after=1&wait=6", nil, ["Authorization": "Bearer \(token)"])
                #expect(none.status == 200 && none.text == "[]", "it waited thrice as long as a slow client may take")
            }
        }
    }
}
