public import Foundation

/// An order as lists show it.
public struct OrderSummary: Hashable, Sendable {
    public let id: OrderID
    public let status: String
    public let placedAt: Date
    /// The customer's name.
    public let customer: String
    public let email: String
    /// Nil until the order is priced.
    public let total: Money?
}
