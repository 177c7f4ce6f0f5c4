import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension SystemTests {
    @Test(
        "kill -9 of a worker while customers order and cancel: each order ends once, and whoever was told 409 gets the parcel",
        arguments: ["order-worker", "payment-worker", "logistics-worker"])
    func cancelling(victim: String) async throws {
        try await ShopUnderTest.with { shop, workers in
            // Calls take long enough to be met by cancellations and by the kill.
            try await shop.fault("payment", #"{"mode": "latency", "latencyMilliseconds": 30}"#)
            try await shop.fault("logistics", #"{"mode": "latency", "latencyMilliseconds": 30}"#)
            // Awaited below: customers who change their minds at any moment.
            let customers = Task { try await shop.fickle(300) }
            try await eventually("some are cancelled") { try await shop.count(status: "cancelled") > 20 ? () : nil }
            workers[ShopUnderTest.workers.firstIndex(of: victim) ?? 0].signal(SIGKILL)
            try await shop.start([victim]) { _ in
                let answers = try await customers.value
                let books = try await shop.books(accepted: Array(answers.keys))
                #expect(books.violations.isEmpty, "\(books.violations)")
                #expect(books.summary.lost + books.summary.dead + books.summary.waiting == 0, "\(books.summary)")
                #expect(books.summary.delivered + books.summary.cancelled == 300, "\(books.summary)")
                let ends = try await shop.ends()
                for (id, answer) in answers {
                    switch answer {
                    case 200: #expect(ends[id] == "cancelled")
                    case 409: #expect(ends[id] == "dispatched")
                    default: #expect(answer == 202)
                    }
                }
            }
        }
    }
}

extension ShopUnderTest {
    /// Customers who order and, sooner or later, ask to cancel, twice; answers the last status that each got.
    fileprivate func fickle(_ count: Int) async throws -> [OrderID: Int] {
        try await withThrowingTaskGroup(of: (OrderID, Int).self) { group in
            var answers: [OrderID: Int] = [:]
            for number in 0..<count {
                if number >= 24, let (id, answer) = try await group.next() { answers[id] = answer }
                group.addTask {
                    let id = try await submit(1)[0]
                    // Some at once, the others once this far on its way.
                    if let milestone = [nil, "priced", "paid", "dispatched"][number % 4] {
                        try await eventually("it is \(milestone), or farther") {
                            try await hasPassed(milestone, id) ? () : nil
                        }
                    }
                    _ = try await cancel(id)
                    return (id, try await cancel(id))
                }
            }
            for try await (id, answer) in group { answers[id] = answer }
            return answers
        }
    }

    private func cancel(_ id: OrderID) async throws -> Int {
        try await http(.POST, "\(api.addresses["address"] ?? "")/orders/\(id)/cancel").status
    }

    private func hasPassed(_ milestone: String, _ id: OrderID) async throws -> Bool {
        try await database.query(
            "SELECT count(*) FROM orders.events WHERE order_id = $1 AND milestone IN ($2, 'dispatched')", id, milestone
        ) { try $0[0, as: Int.self] }[0] > 0
    }

    fileprivate func ends() async throws -> [OrderID: String] {
        Dictionary(
            uniqueKeysWithValues: try await database.query("SELECT id, status FROM orders.orders") {
                (try $0[0, as: OrderID.self], try $0[1, as: String.self])
            })
    }
}
