import Foundation
import Testing

@testable import ShoeShop

@Suite("The books")
struct BooksTests {
    private let order = OrderID.new()

    private func entry(_ id: String, _ cents: Int = 100, of order: OrderID? = nil) -> ProviderLedgers.Entry {
        ProviderLedgers.Entry(id: id, orderID: (order ?? self.order).description, amount: Money(cents: cents))
    }

    private func compare(
        ours: [ProviderLedgers.Entry], theirs: [ProviderLedgers.Entry], underWay: Bool = false
    ) -> [String] {
        LedgerComparison(book: .money, noun: "charge", underWay: underWay ? [order.description] : [])
            .violations(ours: ours, theirs: theirs).map(\.detail)
    }

    @Test("books with equal ledgers balance")
    func equal() {
        #expect(compare(ours: [entry("ch_1")], theirs: [entry("ch_1")]).isEmpty)
    }

    @Test("a second charge for an order is found, even while the order is under way")
    func doubleCharge() {
        let both = [entry("ch_1"), entry("ch_2")]
        #expect(compare(ours: [entry("ch_1")], theirs: both, underWay: true) == ["2 charges: ch_1, ch_2"])
    }

    @Test("a charge that the provider doesn't know is found, and so is another amount")
    func invented() {
        #expect(compare(ours: [entry("ch_1")], theirs: []).count == 1)
        #expect(compare(ours: [entry("ch_1", 100)], theirs: [entry("ch_1", 101)]).count == 1)
    }

    @Test("a charge that we don't know is found, unless its order is just being paid")
    func forgotten() {
        #expect(
            compare(ours: [], theirs: [entry("ch_1")]) == [
                "the provider's charge ch_1 over 1.00 EUR isn't in our books"
            ])
        #expect(compare(ours: [], theirs: [entry("ch_1")], underWay: true).isEmpty)
    }

    @Test("shoes that are nowhere, or in two places, are found")
    func stock() {
        func violations(_ onHand: Int, _ reserved: Int, _ taken: Int, held: Int, gone: Int) -> Int {
            Snapshot.Item(
                sku: "A", delivered: 10, onHand: onHand, reserved: reserved, taken: taken, heldByOrders: held,
                takenByOrders: gone
            ).violations.count
        }
        #expect(violations(7, 2, 1, held: 2, gone: 1) == 0)
        #expect(violations(6, 2, 1, held: 2, gone: 1) == 1)
        #expect(violations(7, 2, 1, held: 3, gone: 1) == 1)
        #expect(violations(-1, 8, 3, held: 8, gone: 2) == 2)
    }

    @Test("an order that nothing drives on is lost; a message or a dead letter explains it")
    func orders() {
        func business(moving: Bool, dead: Bool) -> Snapshot.Business {
            Snapshot.Business(orderID: order, isUnderWay: true, what: "it is only paid", isMoving: moving, isDead: dead)
        }
        #expect(business(moving: false, dead: false).violation?.detail == "nothing drives it on: it is only paid")
        #expect(business(moving: true, dead: false).violation == nil)
        #expect(business(moving: false, dead: true).violation == nil)
    }

    @Test("the providers' ledgers are understood, with fields that nobody knows")
    func ledgers() throws {
        let payment = #"""
            {"charges": [{"id": "ch_1", "orderID": "\#(order)", "amount": 100, "at": "2026-01-01T00:00:00Z"}],
             "refunds": [{"id": "re_1", "orderID": "\#(order)", "chargeID": "ch_1", "amount": 100}]}
            """#
        let logistics = #"{"bookings": [{"id": "bk_1", "orderID": "\#(order)", "trackingNumber": "SHOE1"}]}"#
        let ledgers = try ProviderLedgers(payment: Data(payment.utf8), logistics: Data(logistics.utf8))
        #expect(ledgers.charges == [entry("ch_1")])
        #expect(ledgers.refunds == [entry("re_1")])
        #expect(ledgers.bookings.map(\.id) == ["SHOE1"])
        #expect(ledgers.orders == [order])
    }
}
