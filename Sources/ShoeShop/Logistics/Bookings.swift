package import Foundation
package import Postgres

/// What the carrier said to a paid order.
package struct BookingAnswer: Sendable {
    let processed: OrderProcessed
    let outcome: BookingOutcome

    package init(processed: OrderProcessed, outcome: BookingOutcome) {
        self.processed = processed
        self.outcome = outcome
    }

    package func event(at now: Date) -> OrderEvent {
        switch outcome {
        case .booked(let trackingNumber):
            .scheduled(DeliveryScheduled(of: processed, trackingNumber: trackingNumber, at: now))
        case .refused(let reason):
            .impossible(DeliveryImpossible(of: processed, detail: reason, at: now))
        }
    }

    fileprivate var status: String { trackingNumber == nil ? "refused" : "booked" }
    fileprivate var trackingNumber: String? { if case .booked(let number) = outcome { number } else { nil } }
    fileprivate var refusalReason: String? { if case .refused(let reason) = outcome { reason } else { nil } }
}

/// The rows of `logistics.bookings`: our copy of the carrier's ledger.
package enum Bookings {
    /// Keeps the first answer per order.
    package static func record(_ answers: [BookingAnswer], in session: borrowing Session) {
        session.pipeline(
            record, answers.map(\.processed.order.id), answers.map(\.status), answers.map(\.trackingNumber),
            answers.map(\.refusalReason))
    }

    private static let record: Statement = """
        INSERT INTO logistics.bookings (order_id, status, tracking_number, refusal_reason)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
        ON CONFLICT (order_id) DO NOTHING
        """
}
