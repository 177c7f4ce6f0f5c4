import ShoeShop

/// What a customer gets who gets the shoes; the total is in cents.
struct Confirmation: Encodable {
    let id: OrderID
    let status = OrderStatus.dispatched.name
    let total: Money
    let currency = Money.currency
    let trackingNumber: String

    init(of order: PricedOrder, trackingNumber: String) {
        id = order.id
        total = order.total
        self.trackingNumber = trackingNumber
    }

    /// Nil when the order is not on its way to the customer.
    init?(_ order: OrderView) {
        guard let total = order.total, let trackingNumber = order.trackingNumber else { return nil }
        id = order.id
        self.total = total
        self.trackingNumber = trackingNumber
    }
}
