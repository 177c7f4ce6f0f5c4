import Foundation
import ShoeShop

/// One order's life, as its events tell it.
enum Story {
    static let id = OrderID.new()
    static let order = PricedOrder(
        id: id, customer: Customer(name: "Lena Schneider", email: "lena@example.com"),
        address: Address(
            recipient: "Lena Schneider", street: "Lindenstraße 12", city: "Leipzig", postcode: "04229", country: "DE"),
        lines: [
            PricedLine(sku: "RUNNER-42-TAN", name: "Meridian Runner", quantity: 2, unitPrice: Money(cents: 8_490)),
            PricedLine(sku: "COURT-42-RED", name: "Baseline Court", quantity: 1, unitPrice: Money(cents: 7_490)),
        ])

    static let processed = OrderProcessed(order: order, chargeID: "ch_1", reservedAt: time(1), paidAt: time(2))
    static let scheduled = DeliveryScheduled(of: processed, trackingNumber: "SHOE1", at: time(3))
    static let impossible = DeliveryImpossible(of: processed, detail: "undeliverable_address", at: time(3))
    static let refunded = OrderRefunded(orderID: id, refundID: "re_1", at: time(4))
    static let cancelled = OrderCancelled(orderID: id, reservedAt: time(1), paidAt: time(2), at: time(3))
    /// By a step that knew of nothing else.
    static let calledOff = OrderCancelled(orderID: id, at: time(3))
    static let outOfStock = OrderRejected(orderID: id, reason: .outOfStock, detail: "none left", at: time(1))
    static let declined = OrderRejected(
        orderID: id, reason: .declined, detail: "expired_card", reservedAt: time(1), at: time(2))

    static var priced: Order {
        var order = Order(id: id)
        _ = order.price(at: self.order.total, on: time(0))
        return order
    }

    static func told(_ events: [OrderEvent]) -> (order: Order, timeline: [TimelineEntry]) {
        var order = priced
        let timeline = events.flatMap { order.apply($0) }
        return (order, timeline)
    }

    static func time(_ seconds: Double) -> Date { Date(timeIntervalSince1970: 1_750_000_000 + seconds) }
    static func byRank(_ one: TimelineEntry, _ other: TimelineEntry) -> Bool { one.at < other.at }
}

extension Collection {
    /// Every order of the elements (Heap's algorithm).
    var permutations: [[Element]] {
        var elements = Array(self)
        var all = [elements]
        var counts = Array(repeating: 0, count: elements.count)
        var position = 1
        while position < elements.count {
            guard counts[position] < position else {
                counts[position] = 0
                position += 1
                continue
            }
            elements.swapAt(position.isMultiple(of: 2) ? 0 : counts[position], position)
            all.append(elements)
            counts[position] += 1
            position = 1
        }
        return all
    }
}
