public import MessageQueue
public import Postgres

/// What became of the wish to cancel an order.
public enum CancellationOutcome: Hashable, Sendable {
    /// Stored, together with the message that gets it decided; or it had been before, and isn't decided yet.
    case asked
    case cancelled
    /// The order came to another end. `detail` is the tracking number, or why it was rejected.
    case tooLate(OrderStatus, detail: String?)
    case noSuchOrder
}

/// Takes the customer's wish to call an order off. Whether there is still time the logistics step decides.
public struct CancelOrder: Sendable {
    private let broker: Broker

    public init(_ broker: Broker) { self.broker = broker }

    /// Guarantee: however often it is asked for, one message goes out, exactly if the wish is stored.
    public func commit(_ id: OrderID, in session: borrowing Session) throws -> CancellationOutcome {
        try take(id, in: session).outcome
    }

    /// - Returns: also whether it is the first wish for this order.
    private func take(
        _ id: OrderID, in session: borrowing Session
    ) throws -> (outcome: CancellationOutcome, isFirst: Bool) {
        let found = try session.query(Self.lock, id) { row in
            Standing(
                status: OrderStatus(name: try row[0], rejection: try row[1]), isAsked: try row[2], detail: try row[3])
        }
        guard let standing = found.first, let status = standing.status else { return (.noSuchOrder, false) }
        switch status {
        case .cancelled: return (.cancelled, false)
        case .dispatched, .rejected: return (.tooLate(status, detail: standing.detail), false)
        case .received, .priced, .paid: break
        }
        if !standing.isAsked {
            session.pipeline(Self.ask, id)
            try broker.send(
                [Outgoing(OrderReference(orderID: id), key: id.description)], to: Workflow.cancellations, in: session)
        }
        return (.asked, !standing.isAsked)
    }

    /// The same in a transaction of its own, recorded as what an operator did, unless it had been asked for before.
    ///
    /// - Parameters:
    ///   - id: of the order.
    ///   - someone: who calls it off.
    ///   - database: where the order is.
    public func commit(_ id: OrderID, by someone: Operator?, on database: Database) async throws -> CancellationOutcome
    {
        try await database.write(within: .seconds(5)) { session in
            let (outcome, isFirst) = try take(id, in: session)
            if isFirst { try broker.note("cancel order", ["order": "\(id)"], by: someone, in: session) }
            return outcome
        }
    }

    private struct Standing {
        let status: OrderStatus?
        let isAsked: Bool
        let detail: String?
    }

    private static let lock: Statement = """
        SELECT status, rejection, cancel_asked_at IS NOT NULL, coalesce(tracking_number, rejection_detail)
        FROM orders.orders WHERE id = $1 FOR UPDATE
        """
    private static let ask: Statement = "UPDATE orders.orders SET cancel_asked_at = now() WHERE id = $1"
}
