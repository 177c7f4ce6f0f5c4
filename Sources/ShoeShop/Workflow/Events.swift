public import Foundation

// Events carry the times of the steps before them. So each tells the whole story up to itself, and one that arrives
// after its successor has nothing left to add.

/// Topic `order-processed`: reserved and paid.
public struct OrderProcessed: Hashable, Sendable, Codable {
    public let order: PricedOrder
    public let chargeID: String
    public let reservedAt: Date
    public let paidAt: Date

    public init(order: PricedOrder, chargeID: String, reservedAt: Date, paidAt: Date) {
        self.order = order
        self.chargeID = chargeID
        self.reservedAt = reservedAt
        self.paidAt = paidAt
    }
}

/// Why an order was refused; the raw value is the tag of the message.
public enum Rejection: String, Sendable, Codable, CaseIterable {
    case unknownSKU = "unknown-sku"
    case outOfStock = "out-of-stock"
    case declined
    case undeliverable
}

/// Topic `order-rejected`: refused before any money moved.
public struct OrderRejected: Hashable, Sendable, Codable {
    public let orderID: OrderID
    public let reason: Rejection
    public let detail: String
    /// Set when the shoes had been reserved already.
    public let reservedAt: Date?
    public let at: Date

    public init(orderID: OrderID, reason: Rejection, detail: String, reservedAt: Date? = nil, at: Date) {
        self.orderID = orderID
        self.reason = reason
        self.detail = detail
        self.reservedAt = reservedAt
        self.at = at
    }
}

/// Topic `delivery-scheduled`: the carrier has the parcel.
public struct DeliveryScheduled: Hashable, Sendable, Codable {
    public let orderID: OrderID
    public let trackingNumber: String
    public let reservedAt: Date
    public let paidAt: Date
    public let at: Date

    public init(of processed: OrderProcessed, trackingNumber: String, at: Date) {
        orderID = processed.order.id
        self.trackingNumber = trackingNumber
        reservedAt = processed.reservedAt
        paidAt = processed.paidAt
        self.at = at
    }
}

/// Topic `delivery-impossible`: the carrier refuses the address of a paid order.
public struct DeliveryImpossible: Hashable, Sendable, Codable {
    public let orderID: OrderID
    public let detail: String
    public let chargeID: String
    public let amount: Money
    public let reservedAt: Date
    public let paidAt: Date
    public let at: Date

    public init(of processed: OrderProcessed, detail: String, at: Date) {
        orderID = processed.order.id
        self.detail = detail
        chargeID = processed.chargeID
        amount = processed.order.total
        reservedAt = processed.reservedAt
        paidAt = processed.paidAt
        self.at = at
    }
}

/// Sent to queue `order-status` alone: the customer has the money back.
public struct OrderRefunded: Hashable, Sendable, Codable {
    public let orderID: OrderID
    public let refundID: String
    public let at: Date

    public init(orderID: OrderID, refundID: String, at: Date) {
        self.orderID = orderID
        self.refundID = refundID
        self.at = at
    }
}

/// Topic `order-cancelled`: called off before the parcel was booked. What was done already is to be undone.
public struct OrderCancelled: Hashable, Sendable, Codable {
    public let orderID: OrderID
    /// Both set when the step that decided knew of it.
    public let reservedAt: Date?
    public let paidAt: Date?
    public let at: Date

    public init(orderID: OrderID, reservedAt: Date? = nil, paidAt: Date? = nil, at: Date) {
        self.orderID = orderID
        self.reservedAt = reservedAt
        self.paidAt = paidAt
        self.at = at
    }

    public init(of processed: OrderProcessed, at: Date) {
        self.init(orderID: processed.order.id, reservedAt: processed.reservedAt, paidAt: processed.paidAt, at: at)
    }
}
