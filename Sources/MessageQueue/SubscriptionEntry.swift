public import Foundation

/// A subscription as it is set up.
public struct SubscriptionEntry: Sendable, Equatable {
    /// What it hears, and where that goes.
    public let subscription: Subscription
    /// When it was made, by the database's clock.
    public let createdAt: Date
    /// When it changed last; at first, when it was made.
    public let changedAt: Date
}
