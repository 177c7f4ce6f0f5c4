public import Foundation

/// What the status of an order depends on: a state machine without clock, input or output.
public struct Order: Hashable, Sendable {
    public let id: OrderID
    public private(set) var status: OrderStatus
    public private(set) var total: Money?
    public private(set) var trackingNumber: String?
    public private(set) var rejectionDetail: String?
    public private(set) var refundedAt: Date?
    /// Whether the timeline tells of the payment. A cancellation may overtake that.
    private var tellsOfPayment: Bool

    public init(
        id: OrderID, status: OrderStatus = .received, refundedAt: Date? = nil, tellsOfPayment: Bool = false
    ) {
        self.id = id
        self.status = status
        self.refundedAt = refundedAt
        self.tellsOfPayment = tellsOfPayment || status == .paid
    }

    /// Sets the total, once.
    public mutating func price(at total: Money, on date: Date) -> [TimelineEntry] {
        guard status == .received else { return [] }
        self.total = total
        return advance(to: .priced, [TimelineEntry(.priced, at: date)])
    }

    /// Takes note of what happened, and answers what is new for the timeline.
    ///
    /// Guarantee: a repeated event, one that its successor has overtaken, and one that contradicts an end already
    /// reached change nothing and answer nothing. So the same events in any order lead to the same order and timeline.
    /// What a cancellation has overtaken is still told: the payment that is about to be undone.
    public mutating func apply(_ event: OrderEvent) -> [TimelineEntry] {
        switch event {
        case .processed(let event):
            let entries = reservedAndPaid(event.reservedAt, event.paidAt)
            guard status == .cancelled, !tellsOfPayment else { return advance(to: .paid, entries) }
            tellsOfPayment = true
            return entries
        case .scheduled(let event):
            let entries = advance(
                to: .dispatched,
                reservedAndPaid(event.reservedAt, event.paidAt)
                    + [TimelineEntry(.dispatched, at: event.at, detail: event.trackingNumber)])
            if !entries.isEmpty { trackingNumber = event.trackingNumber }
            return entries
        case .rejected(let event):
            let passed = reservedAndPaid(event.reservedAt, nil)
            return reject(event.reason, event.detail, at: event.at, after: passed)
        case .impossible(let event):
            let passed = reservedAndPaid(event.reservedAt, event.paidAt)
            return reject(.undeliverable, event.detail, at: event.at, after: passed)
        case .cancelled(let event):
            let passed = event.paidAt == nil ? [] : reservedAndPaid(event.reservedAt, event.paidAt)
            return advance(to: .cancelled, passed + [TimelineEntry(.cancelled, at: event.at)])
        case .refunded(let event):
            guard refundedAt == nil else { return [] }
            refundedAt = event.at
            return [TimelineEntry(.refunded, at: event.at, detail: event.refundID)]
        }
    }

    private mutating func reject(
        _ reason: Rejection, _ detail: String, at date: Date, after passed: [TimelineEntry]
    ) -> [TimelineEntry] {
        let last = TimelineEntry(.rejected, at: date, detail: "\(reason.rawValue): \(detail)")
        let entries = advance(to: .rejected(reason), passed + [last])
        if !entries.isEmpty { rejectionDetail = detail }
        return entries
    }

    /// Forward only: a status that lies no farther than the present one is old news.
    private mutating func advance(to next: OrderStatus, _ entries: [TimelineEntry]) -> [TimelineEntry] {
        let passed = status.lastMilestone.rank
        guard next.lastMilestone.rank > passed else { return [] }
        status = next
        let new = entries.filter { $0.milestone.rank > passed }
        if new.contains(where: { $0.milestone == .paid }) { tellsOfPayment = true }
        return new
    }

    private func reservedAndPaid(_ reservedAt: Date?, _ paidAt: Date?) -> [TimelineEntry] {
        let reserved = reservedAt.map { TimelineEntry(.reserved, at: $0) }
        let paid = paidAt.map { TimelineEntry(.paid, at: $0) }
        return [reserved, paid].compactMap(\.self)
    }
}
