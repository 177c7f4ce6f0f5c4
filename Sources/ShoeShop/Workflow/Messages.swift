public import Foundation

// What travels between the steps. A message carries all that its reader needs, so that no step looks into the tables
// of another one; readers ignore fields that they do not know, so that a newer sender can add some.

/// Queue `orders`: an order was accepted.
public struct PlacedOrder: Hashable, Sendable, Codable {
    public let id: OrderID
    public let customer: Customer
    public let address: Address
    public let lines: [OrderLine]
    public let paymentToken: String

    public init(id: OrderID, customer: Customer, address: Address, lines: [OrderLine], paymentToken: String) {
        self.id = id
        self.customer = customer
        self.address = address
        self.lines = lines
        self.paymentToken = paymentToken
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(OrderID.self, forKey: .id)
        customer = try container.decode(Customer.self, forKey: .customer)
        address = try container.decode(Address.self, forKey: .address)
        lines = try container.decodeLines(.lines)
        paymentToken = try container.decode(String.self, forKey: .paymentToken)
    }
}

/// Queue `stock`: reserve these lines.
public struct StockRequest: Hashable, Sendable, Codable {
    public let order: PricedOrder
    public let paymentToken: String

    public init(order: PricedOrder, paymentToken: String) {
        self.order = order
        self.paymentToken = paymentToken
    }
}

/// Queue `payment`: the shoes are set aside, charge the customer.
public struct PaymentRequest: Hashable, Sendable, Codable {
    public let order: PricedOrder
    public let paymentToken: String
    public let reservedAt: Date

    public init(order: PricedOrder, paymentToken: String, reservedAt: Date) {
        self.order = order
        self.paymentToken = paymentToken
        self.reservedAt = reservedAt
    }
}

/// Queue `cancellations`: the customer wants to call the order off. And queues `stock-release`, `stock-dispatch` and
/// `payment-cancel`: all that they need of an event is which order it is about.
public struct OrderReference: Hashable, Sendable, Codable {
    public let orderID: OrderID

    public init(orderID: OrderID) { self.orderID = orderID }
}

/// Queue `refunds`: give this charge back; also what it needs of ``DeliveryImpossible``.
public struct RefundRequest: Hashable, Sendable, Codable {
    public let orderID: OrderID
    public let chargeID: String
    public let amount: Money

    public init(orderID: OrderID, chargeID: String, amount: Money) {
        self.orderID = orderID
        self.chargeID = chargeID
        self.amount = amount
    }
}
