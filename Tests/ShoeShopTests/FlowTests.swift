import Foundation
import Testing

@testable import ShoeShop

extension WholeShopTests {
    @Suite("an order's way")
    struct FlowTests {
        @Test("a good order is priced, reserved, paid and dispatched, with an invoice; each of it once")
        func dispatched() async throws {
            try await Rig.with { rig in
                let id = try await rig.submit([.of([(.many, 2), (.last, 1)])])[0]
                try await rig.working { try await $0.untilDrained() }

                let order = try await rig.order(id)
                #expect(order.status == "dispatched" && order.total == Money(cents: 25_470) && order.rejection == nil)
                #expect(order.lines.map(\.unitPrice) == [Money(cents: 8_490), Money(cents: 8_490)])
                #expect(try await rig.milestones(of: id) == [.received, .priced, .reserved, .paid, .dispatched])
                #expect(try await rig.stock(.many) == [18, 0, 2])
                #expect(try await rig.stock(.last) == [0, 0, 1])
                guard case .issued(let invoice) = try await OrderReader(rig.database).invoice(of: id) else {
                    Issue.record("no invoice")
                    return
                }
                #expect(invoice.contains("254.70 EUR") && invoice.contains("Lindenstraße 12"))

                let ledgers = try await rig.sandbox.ledgers()
                #expect(ledgers.charges.map(\.amount) == [Money(cents: 25_470)] && ledgers.refunds.isEmpty)
                #expect(ledgers.bookings.map(\.id) == [order.trackingNumber])
                try await rig.expectBalance([id])
            }
        }

        @Test("an article that isn't for sale rejects the order before anything else happens")
        func unknownArticle() async throws {
            try await Rig.with { rig in
                let id = try await rig.submit([.of([(.many, 1), ("GHOST-1", 1), ("GHOST-2", 1)])])[0]
                try await rig.working { try await $0.untilDrained() }
                let order = try await rig.order(id)
                #expect(order.rejection?.reason == .unknownSKU && order.rejection?.detail == "GHOST-1, GHOST-2")
                try await rig.expectNothingMoved(id)
            }
        }

        @Test("one line that is out of stock rejects the order, and the other lines stay on the shelf")
        func outOfStock() async throws {
            try await Rig.with { rig in
                let id = try await rig.submit([.of([(.many, 1), (.last, 2)])])[0]
                try await rig.working { try await $0.untilDrained() }
                let order = try await rig.order(id)
                #expect(order.rejection?.reason == .outOfStock)
                #expect(order.rejection?.detail == "RUNNER-43-TAN (2 wanted, 1 left)")
                #expect(try await rig.milestones(of: id) == [.received, .priced, .rejected])
                try await rig.expectNothingMoved(id)
            }
        }

        @Test(
            "a card that is declined rejects the order, and the shoes go back on the shelf",
            arguments: [
                ("tok_declined_1", "card_declined"), ("tok_insufficient_funds", "insufficient_funds"),
                ("tok_expired", "expired_card"),
            ])
        func declined(token: String, reason: String) async throws {
            try await Rig.with { rig in
                let id = try await rig.submit([.of(token: token)])[0]
                try await rig.working { try await $0.untilDrained() }
                let order = try await rig.order(id)
                #expect(order.rejection?.reason == .declined && order.rejection?.detail == reason)
                #expect(try await rig.milestones(of: id) == [.received, .priced, .reserved, .rejected])
                try await rig.expectNothingMoved(id)
            }
        }

        @Test("an address that the carrier won't serve gives the money and the shoes back")
        func undeliverable() async throws {
            try await Rig.with { rig in
                let id = try await rig.submit([.undeliverable])[0]
                try await rig.working { try await $0.untilDrained() }
                let order = try await rig.order(id)
                #expect(order.rejection?.reason == .undeliverable && order.refundedAt != nil)
                #expect(
                    try await rig.milestones(of: id) == [.received, .priced, .reserved, .paid, .rejected, .refunded])
                #expect(try await rig.stock(.many) == [20, 0, 0])
                let ledgers = try await rig.sandbox.ledgers()
                #expect(ledgers.charges.count == 1 && ledgers.bookings.isEmpty)
                #expect(ledgers.refunds.map(\.amount) == ledgers.charges.map(\.amount))
                try await rig.expectBalance([id])
            }
        }
    }
}

extension Rig {
    fileprivate func expectNothingMoved(_ id: OrderID) async throws {
        #expect(try await order(id).status == "rejected")
        #expect(try await stock(.many) == [20, 0, 0])
        #expect(try await stock(.last) == [1, 0, 0])
        let ledgers = try await sandbox.ledgers()
        #expect(ledgers.charges.isEmpty && ledgers.refunds.isEmpty && ledgers.bookings.isEmpty)
        try await expectBalance([id])
    }
}
