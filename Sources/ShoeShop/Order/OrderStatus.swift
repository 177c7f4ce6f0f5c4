/// Where an order stands, as its customer sees it.
public enum OrderStatus: Hashable, Sendable {
    case received, priced, paid, dispatched, cancelled
    case rejected(Rejection)

    /// The name in the API and in the database.
    public var name: String {
        switch self {
        case .received: "received"
        case .priced: "priced"
        case .paid: "paid"
        case .dispatched: "dispatched"
        case .cancelled: "cancelled"
        case .rejected: "rejected"
        }
    }

    /// Reads what ``name`` wrote, with the reason of a rejection beside it.
    public init?(name: String, rejection: String?) {
        switch (name, rejection.flatMap(Rejection.init)) {
        case ("received", nil): self = .received
        case ("priced", nil): self = .priced
        case ("paid", nil): self = .paid
        case ("dispatched", nil): self = .dispatched
        case ("cancelled", nil): self = .cancelled
        case ("rejected", let reason?): self = .rejected(reason)
        default: return nil
        }
    }

    public var rejection: Rejection? { if case .rejected(let reason) = self { reason } else { nil } }

    /// Nothing but a refund can follow.
    public var isTerminal: Bool { lastMilestone.rank == Milestone.dispatched.rank }

    var lastMilestone: Milestone {
        switch self {
        case .received: .received
        case .priced: .priced
        case .paid: .paid
        case .dispatched: .dispatched
        case .cancelled: .cancelled
        case .rejected: .rejected
        }
    }
}
