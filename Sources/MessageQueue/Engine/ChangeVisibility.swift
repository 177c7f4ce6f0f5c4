import Durations
public import Foundation
import Postgres

/// The lease of a single message, since its visibility was changed.
public struct Visibility: Sendable, Equatable {
    /// What the message is finished with from now on; the one before is worth nothing any more.
    public let receipt: Receipt
    /// When the message is given to somebody else, unless it is finished by then; by the database's clock.
    public let leaseEnds: Date
}

extension Broker {
    /// Lets the lease of one message end so long from now, sooner or later than it would have.
    ///
    /// Guarantee: as with ``acknowledge(_:)``, only the newest receipt of a running lease can do this, and with it that receipt is
    /// used up: the answer has the next one. Messages that were received together keep their leases. No attempt is counted, but when
    /// the lease ends.
    ///
    /// What the message was received as, a ``ReceivedMessage``, can be finished as before, by who has it.
    /// - Parameters:
    ///   - receipt: of a message that was taken with ``receive(_:limit:lease:)``.
    ///   - lease: from nothing, which gives the message to the next one who asks, to ``MessageLimits/delay``.
    /// - Throws: ``QueueError/leaseLost(queue:message:)``, ``QueueError/beyondLimit(_:)``.
    public func changeVisibility(of receipt: Receipt, to lease: Duration) async throws -> Visibility {
        try MessageLimits.check(.lease, lease)
        return try await writeLookingAgain(on: database) { session in
            let origin = try self.origin(of: [receipt], in: session)
            guard receipt.mark == origin.mark else { throw QueueError.leaseLost(queue: nil, message: nil) }
            session.pipeline(Self.lockClaims, [receipt.queue], [receipt.lane], [receipt.seq])
            let renewed = try session.query(
                Self.changeVisibility, [receipt.queue], [receipt.lane], [receipt.seq], [receipt.turn], origin.home,
                lease.withinLimits.inSeconds
            ) { row in Visibility(receipt: receipt.inTurn(try row[0]), leaseEnds: try row[1]) }
            guard let visibility = renewed.first else {
                throw QueueError.leaseLost(queue: self.name(of: receipt), message: nil)
            }
            if lease < Doorbell.horizon { self.ring([receipt.queue], after: session) }
            return visibility
        }
    }

    private func name(of receipt: Receipt) -> QueueName? { catalogue.known(receipt.queue)?.name }

    /// After the claim's row was locked, as an extension and a rescue do: what these have done meanwhile is seen.
    static let changeVisibility = Statement(
        """
        INSERT INTO mq.leases AS v (queue, lane, seq, turn, lease_until)
        SELECT p.queue, p.lane, p.seq, 1, now() + make_interval(secs => $6::float8) FROM (\(leased)) AS p
        WHERE mq.is_home($5)
          AND NOT EXISTS (SELECT FROM mq.completions d WHERE (d.queue, d.lane, d.seq) = (p.queue, p.lane, p.seq))
        ON CONFLICT (queue, lane, seq) DO UPDATE SET turn = v.turn + 1, lease_until = excluded.lease_until
        RETURNING turn, lease_until
        """)
}
