import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import ShoeShop
import Testing

extension OrderAPITests {
    @Suite("POST /orders/{id}/cancel")
    struct CancellationTests {
        @Test("a cancellation is taken once, however often it is sent, and the order tells that it was asked for")
        func asked() async throws {
            try await API.with { api in
                let id = try await api.order(key: "one").orderID()
                var first: Date?
                for _ in 0..<3 {
                    let answer = try await api.send(.POST, "/orders/\(id)/cancel")
                    let order: Order = try answer.json()
                    let cancellation = try #require(order.cancellation)
                    #expect(answer.status == 202 && order.status == "received" && cancellation.state == "asked")
                    #expect(first == nil || first == cancellation.askedAt)
                    first = cancellation.askedAt
                }
                let sent = try await Broker(api.database).statistics().first { $0.queue == "cancellations" }
                #expect(sent?.appended == 1)
            }
        }

        @Test("cancelling an order at its end answers what it is: cancelled 200, everything else 409 with the reason")
        func ended() async throws {
            try await API.with { api in
                let ids = try await api.orders(in: ["cancelled", "dispatched", "rejected"])
                let cancelled = try await api.send(.POST, "/orders/\(ids[0])/cancel")
                let order: Order = try cancelled.json()
                #expect(cancelled.status == 200 && order.status == "cancelled")
                let dispatched = try await api.send(.POST, "/orders/\(ids[1])/cancel")
                #expect(dispatched.status == 409)
                #expect(try dispatched.problem().detail == "Its tracking number is SHOE7.")
                let rejected = try await api.send(.POST, "/orders/\(ids[2])/cancel")
                #expect(rejected.status == 409)
                #expect(try rejected.problem().detail == "out-of-stock: none left")
                let sent = try await Broker(api.database).statistics().first { $0.queue == "cancellations" }
                #expect(sent?.appended == 0)
            }
        }

        @Test("cancelling what names no order is 404", arguments: ["0198f3a2-c4d1-7b3e-9a55-1f0e8c2d4b6a", "x", "%00"])
        func unknown(id: String) async throws {
            try await API.with { api in
                let answer = try await api.send(.POST, "/orders/\(id)/cancel")
                #expect(answer.status == 404)
                _ = try answer.problem()
            }
        }
    }
}

private struct Order: Decodable {
    struct Cancellation: Decodable {
        let askedAt: Date
        let state: String
    }
    let status: String
    let cancellation: Cancellation?
}

extension API {
    /// Orders whose life is over, each with this status.
    func orders(in ends: [String]) async throws -> [String] {
        var ids: [String] = []
        for end in ends {
            let id = try await order(key: "end-\(end)").orderID()
            try await database.execute(
                """
                UPDATE orders.orders SET status = $2, tracking_number = CASE $2 WHEN 'dispatched' THEN 'SHOE7' END,
                    rejection = CASE $2 WHEN 'rejected' THEN 'out-of-stock' END,
                    rejection_detail = CASE $2 WHEN 'rejected' THEN 'none left' END
                WHERE id = $1
                """, UUID(uuidString: id), end)
            ids.append(id)
        }
        return ids
    }
}
