import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

@testable import Scenarios

extension DatabaseTroubleTests {
    @Test(
        "a database made anew: an empty shop stands under the database's name, and the orders of the old one are told"
    )
    func newDatabase() async throws {
        try await ServerUnderTest.withShop { server, broker in
            let order = OrderID.new()
            try await broker.database.execute(
                """
                INSERT INTO orders.orders (id, customer_name, customer_email, recipient, street, city, postcode, country)
                VALUES ($1, 'Ada', 'ada@example.com', 'Ada', 'Way 1', 'Bonn', '53111', 'DE')
                """, order)
            try await broker.send("before", to: Queue("orders"))

            let catalogue = try ShoeShop.Catalogue(json: Data(#"{"models": []}"#.utf8))
            let setup = ShopSetup(catalogue: catalogue, floor: ShopFloor(), speed: 1)
            let forgotten = ForgottenOrders()
            let spares = try await SpareDatabases(1, on: server, with: setup)
            try await NewDatabase(on: server, from: spares, forgotten: forgotten).begin()
            #expect(forgotten.all == [order])
            let queues = try await eventually("the pool has noticed") { try? await broker.statistics() }
            #expect(queues.count == Topology.shop.queues.count && queues.allSatisfy { $0.appended == 0 })

            try await broker.send("after", to: Queue("orders"))
            let busy = try await broker.statistics().filter { $0.depth > 0 }
            #expect(busy.map(\.queue) == ["orders"] && busy.map(\.depth) == [1])
        }
    }

    @Test("a database that can't be made anew yet, for a session of another trouble, is told, and made after it")
    func newDatabaseLater() async throws {
        try await ServerUnderTest.withShop { server, broker in
            let catalogue = try ShoeShop.Catalogue(json: Data(#"{"models": []}"#.utf8))
            let setup = ShopSetup(catalogue: catalogue, floor: ShopFloor(), speed: 1)
            let spares = try await SpareDatabases(1, on: server, with: setup)
            try await broker.send("before", to: Queue("orders"))
            // No trouble ends the sessions of others.
            let lock = DatabaseTrouble(.lock(table: "orders.orders"), on: server)
            try await lock.begin()
            let told = Tally<[String]>([])
            let trouble = NewDatabase(on: server, from: spares, forgotten: ForgottenOrders()) { text in
                told.change { $0.append(text) }
            }
            let making = Task { try await trouble.begin() }
            try await eventually("it is told") { told.value.contains { $0.contains("trying again") } }
            try await lock.end()
            try await making.value
            try await trouble.end()
            let queues = try await eventually("the pool has noticed") { try? await broker.statistics() }
            #expect(queues.allSatisfy { $0.appended == 0 })
        }
    }

    @Test("a database that could not be made anew takes connections again in the end")
    func putBack() async throws {
        try await ServerUnderTest.withShop { server, broker in
            let setup = ShopSetup(
                catalogue: try ShoeShop.Catalogue(json: Data(#"{"models": []}"#.utf8)), floor: ShopFloor(), speed: 1)
            let spares = try await SpareDatabases(0, on: server, with: setup)
            let trouble = NewDatabase(on: server, from: spares, forgotten: ForgottenOrders())
            // As far as an attempt came that went no further.
            try await server.withSession(named: "new-database", in: "postgres") { session in
                try await session.script("ALTER DATABASE \(server.database) ALLOW_CONNECTIONS false")
                try await server.terminateBackends(by: session)
                try await session.script("ALTER DATABASE \(server.database) RENAME TO scenario_old")
            }
            try await trouble.end()
            try await eventually("the pool is back") { (try? await broker.statistics())?.isEmpty == false }
        }
    }
}
