public import MessageQueue
public import Postgres
import Tracing

/// One customer's checked submission on its way into the database.
public struct Submission: Sendable {
    public let draft: OrderDraft
    /// The `Idempotency-Key` header, when there was one.
    public let key: IdempotencyKey?
    /// As it was posted: a key that comes again must come with the same bytes.
    public let body: [UInt8]
    /// Whose it is; somebody new unless given.
    public var submitter: Submitter
    /// The trace that it belongs to: submissions of several are committed together.
    let trace: ServiceContext?

    public init(draft: OrderDraft, key: IdempotencyKey?, body: [UInt8], submitter: Submitter = .new()) {
        self.draft = draft
        self.key = key
        self.body = body
        self.submitter = submitter
        trace = ServiceContext.current
    }
}

/// What became of a submission once the transaction is committed.
public enum SubmissionOutcome: Hashable, Sendable {
    /// A new order, stored together with its first message.
    case accepted(OrderID)
    /// The same key and body came before: here is the order of then. Nothing was stored.
    case replayed(OrderID)
    /// The key was used for another body. Nothing was stored.
    case conflict
}

/// Accepts orders: many submissions in one transaction, with the messages that set them going.
///
/// ```swift
/// let outcomes = try await database.write { try SubmitOrders(broker).commit(waiting, in: $0) }
/// ```
public struct SubmitOrders: Sendable {
    private let broker: Broker

    public init(_ broker: Broker) { self.broker = broker }

    /// Answers one outcome per submission, in the same order. Two submissions with one key may be in the same group.
    ///
    /// Guarantee: an order is there exactly if its first message is there, and exactly if its key is.
    public func commit(_ group: [Submission], in session: borrowing Session) throws -> [SubmissionOutcome] {
        let candidates = group.map { (id: OrderID.new(), submission: $0) }
        let claims = candidates.compactMap { id, submission in
            submission.key.map { KeyClaim(key: $0, body: submission.body, id: id) }
        }
        let owners = try IdempotencyKeys.claim(claims, in: session)
        let outcomes = candidates.map { id, _ in
            guard let owner = owners[id] else { return SubmissionOutcome.accepted(id) }
            return owner.hasSameBody ? .replayed(owner.id) : .conflict
        }
        let accepted = zip(candidates, outcomes).filter { $1 == .accepted($0.id) }.map(\.0)
        try store(
            accepted.map { $0.submission.draft.placed(as: $0.id) }, of: accepted.map(\.submission), in: session)
        return outcomes
    }

    private func store(
        _ orders: [PlacedOrder], of submissions: [Submission], in session: borrowing Session
    ) throws {
        guard !orders.isEmpty else { return }
        try OrderRecords.insert(orders, of: submissions.map(\.submitter), in: session)
        let messages = zip(orders, submissions).map { order, submission in
            Outgoing(order, key: order.id.description, headers: submission.trace?.traceHeaders ?? [:])
        }
        try broker.send(messages, to: Workflow.orders, in: session)
    }
}
