public import Foundation

/// A point of the timeline; an order passes each at most once.
public enum Milestone: String, Sendable, Codable, CaseIterable {
    case received, priced, reserved, paid, dispatched, rejected, cancelled, refunded

    /// How far along the way it lies. The three ends exclude one another and lie equally far.
    var rank: Int {
        switch self {
        case .received: 0
        case .priced: 1
        case .reserved: 2
        case .paid: 3
        case .dispatched, .rejected, .cancelled: 4
        case .refunded: 5
        }
    }
}

/// One line of an order's timeline.
public struct TimelineEntry: Hashable, Sendable, Codable {
    public let milestone: Milestone
    public let at: Date
    public let detail: String?

    public init(_ milestone: Milestone, at: Date, detail: String? = nil) {
        self.milestone = milestone
        self.at = at
        self.detail = detail
    }
}
