public import Foundation
import Postgres

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

extension OrderSummary {
    /// Reads id, status, time, name, address and total, from column `first` on.
    init(_ row: borrowing Row, from first: Int = 0) throws {
        self.init(
            id: try row[first], status: try row[first + 1], placedAt: try row[first + 2], customer: try row[first + 3],
            email: try row[first + 4], total: try row[first + 5])
    }
}

/// What a search for orders has found so far.
public struct OrderPage: Hashable, Sendable {
    /// Those that match, the newest first.
    public let orders: [OrderSummary]
    /// Where the search goes on: the last order that was looked at; nil when there are no more.
    ///
    /// A page that is not full, even an empty one, may be followed by others: a page looks at ``OrderReader/looked`` orders and no
    /// more.
    public let next: OrderID?
}
