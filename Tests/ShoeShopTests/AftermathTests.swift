import Testing

@testable import ShoeShop

@Suite("The aftermath")
struct AftermathTests {
    private let order = OrderID.new()

    /// One order, with what the third parties did for it.
    private func aftermath(
        finished: Bool = false, shoes: Bool = true, driven: Bool = false, charged: Int = 0, refunded: Int = 0,
        booked: Int = 0
    ) -> Aftermath {
        let entry = ProviderLedgers.Entry(id: "1", orderID: order.description, amount: nil)
        func entries(_ count: Int) -> [ProviderLedgers.Entry] { Array(repeating: entry, count: count) }
        return Aftermath(
            [Standing(id: order, isFinished: finished, holdsShoes: shoes, isDriven: driven)],
            ProviderLedgers(charges: entries(charged), refunds: entries(refunded), bookings: entries(booked)))
    }

    @Test("money without a parcel, or shoes without one, is to be undone, once for an order")
    func leftBehind() {
        let both = aftermath(charged: 1)
        #expect(both.paidNotDelivered == 1 && both.reservedForNothing == 1 && both.toUndoByHand == 1)
        #expect(both.failed == 1 && both.finished == 0)
        #expect(aftermath().toUndoByHand == 1 && aftermath().paidNotDelivered == 0)
        #expect(aftermath(shoes: false, charged: 1).toUndoByHand == 1)
        #expect(aftermath(shoes: false).toUndoByHand == 0)
    }

    @Test("an order that something drives on waits, and is not to be undone")
    func underWay() {
        let waiting = aftermath(driven: true, charged: 1)
        #expect(waiting.underWay == 1 && waiting.failed == 0 && waiting.paidNotDelivered == 1)
        #expect(waiting.toUndoByHand == 0 && waiting.reservedForNothing == 0)
    }

    @Test("money that came back is nobody's loss; a rejected order that still has it is")
    func refunds() {
        #expect(aftermath(finished: true, shoes: false, charged: 1, refunded: 1).toUndoByHand == 0)
        #expect(aftermath(finished: true, shoes: false, charged: 1).toUndoByHand == 1)
    }

    @Test("a parcel at the carrier is delivered, whatever we believe of the order")
    func delivered() {
        let lucky = aftermath(charged: 1, booked: 1)
        #expect(lucky.delivered == 1 && lucky.failed == 1 && lucky.toUndoByHand == 0)
        #expect(aftermath(finished: true, shoes: false, charged: 1, booked: 1).delivered == 1)
    }
}
