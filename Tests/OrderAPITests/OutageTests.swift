import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

extension OrderAPITests {
    @Suite("while the database is away")
    struct OutageTests {
        @Test(
            "while the database is away orders are 503 with Retry-After, the process lives but isn't ready; then it accepts again by itself"
        )
        func refusedConnections() async throws {
            try await API.with { api in
                let before = try await api.order(key: "before")
                let name = try await api.database.query("SELECT current_database()") { try $0[0, as: String.self] }[0]
                let admin = Database(try await TestServer.conninfo())
                try await admin.script("ALTER DATABASE \(name) ALLOW_CONNECTIONS false")
                let hangUp: Statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
                try await admin.execute(hangUp, name)

                try await api.expectAway(telling: "not currently accepting connections")

                try await admin.script("ALTER DATABASE \(name) ALLOW_CONNECTIONS true")
                await admin.close()
                try await api.expectBack()
                #expect(try await api.order(key: "before").body == before.body)
                #expect(try await api.database.torn() == 0)
            }
        }

        @Test("a database server that is stopped and started again is found again")
        func restartedServer() async throws {
            try await OwnServer.with { server in
                let database = Database(server.conninfo)
                try await prepare(database)
                try await API.with(database) { api in
                    #expect(try await api.order().status == 202)
                    try await server.stop()
                    try await api.expectAway(telling: "connection")
                    try await server.start()
                    try await api.expectBack()
                    #expect(try await database.orderCount() == 3)
                    #expect(try await database.torn() == 0)
                }
                await database.close()
            }
        }

        @Test("a process that is started before its database waits for it")
        func startedFirst() async throws {
            try await OwnServer.with { server in
                let database = Database(server.conninfo)
                try await prepare(database)
                await database.close()
                try await server.stop()
                try await API.with(Database(server.conninfo)) { api in
                    try await api.expectAway(telling: "connection")
                    try await server.start()
                    try await api.expectBack()
                }
            }
        }

        @Test(
            "while its server is read-only, orders are 503 and the process isn't ready; then it accepts again by itself"
        )
        func readOnlyServer() async throws {
            try await OwnServer.with { server in
                let database = Database(server.conninfo)
                try await prepare(database)
                try await API.with(database) { api in
                    #expect(try await api.order().status == 202)
                    try await server.refuseWrites(true)
                    try await api.expectAway(telling: "read-only")
                    try await server.refuseWrites(false)
                    try await api.expectBack()
                    #expect(try await database.orderCount() == 3)
                    #expect(try await database.torn() == 0)
                }
                await database.close()
            }
        }

        @Test(
            "orders that find the line to the database cut under load are stored when they were answered with 202, and only once"
        )
        func cutUnderLoad() async throws {
            try await API.with { api in
                let hangUp: Statement = """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'order-api'
                    """
                let load = Load(api: api, name: "cut")
                let answers = try await load.submit(400, connections: 16) { answered in
                    if answered % 40 == 0 { try await api.database.execute(hangUp) }
                }
                #expect(Set(answers.values.map(\.status)).isSubset(of: [202, 503]))
                #expect(answers.values.contains { $0.status == 202 })
                try await load.expectStored(answers)
                // Repeating with the same keys settles what is open.
                var again = answers
                while again.count < 400 || again.values.contains(where: { $0.status == 503 }) {
                    again = try await load.submit(400, connections: 16)
                }
                #expect(again.values.allSatisfy { $0.status == 202 })
                #expect(try await api.database.orderCount() == 400)
                #expect(try await api.database.torn() == 0)
            }
        }

        @Test("an order that only this server has is 503, and the same key finds it once the standby is back")
        func standbyAway() async throws {
            try await SynchronousServer.with(.emptyShop) { server, conninfo in
                let database = Database(conninfo)
                try await API.with(database) { api in
                    let before = try await api.order(key: "before")
                    try await server.demandStandby()
                    let answer = try await api.order(key: "meanwhile")
                    #expect(answer.status == 503)
                    #expect(answer.header("Retry-After").first.flatMap { Int($0) } ?? 0 >= 1)
                    #expect(try answer.problem().detail?.contains("same Idempotency-Key") == true)
                    // Its own first try holds the key, so it can't be told more.
                    #expect(try await api.order(key: "meanwhile").status == 503)
                    #expect(try await database.orderCount() == 1)

                    try await server.lift()
                    let again = try await api.order(key: "meanwhile")
                    #expect(again.status == 202)
                    #expect(try await api.order(key: "meanwhile").body == again.body)
                    #expect(try await api.order(key: "before").body == before.body)
                    #expect(try await database.orderCount() == 2)
                    #expect(try await database.torn() == 0)
                }
                await database.close()
            }
        }

        private func prepare(_ database: Database) async throws {
            try await Migrator.shop.run(on: database)
            try await Broker(database).declare(Topology.shop)
        }
    }
}

extension API {
    fileprivate func expectAway(telling reason: String) async throws {
        for key in [nil, "away"] {
            let answer = try await order(key: key)
            #expect(answer.status == 503)
            #expect(answer.header("Retry-After").first.flatMap { Int($0) } ?? 0 >= 1)
            #expect(try answer.problem().detail?.isEmpty == false)
        }
        for path in ["/products", "/orders/\(UUID())", "/orders/\(UUID())/events", "/orders/\(UUID())/invoice"] {
            let answer = try await get(path)
            #expect(answer.status == 503 && !answer.header("Retry-After").isEmpty, "\(path)")
            _ = try answer.problem()
        }
        // What is wrong in itself is still told.
        #expect(try await order("{}").status == 422)
        #expect(try await get("/health/live").status == 200)
        #expect(try await get("/metrics").status == 200)
        #expect(try await get("/openapi.yaml").status == 200)
        let ready = try await get("/health/ready")
        struct Health: Decodable {
            let status: String
            let failures: [String: String]
        }
        let health: Health = try ready.json()
        #expect(ready.status == 503 && health.status == "unavailable")
        #expect(health.failures["database"]?.contains(reason) == true, "\(health.failures)")
    }

    /// At once: a pool that is asked anew connects anew.
    fileprivate func expectBack() async throws {
        #expect(try await order().status == 202)
        #expect(try await order().status == 202)
        // On a busy machine a look at the database can take longer than a check is given.
        try await eventually("it is ready") { try await get("/health/ready").status == 200 }
        #expect(try await get("/products").status == 200)
    }
}
