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
}
