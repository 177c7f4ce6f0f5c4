import MessageQueue
import Postgres

/// Sends an answer, and notes that it was sent. Stands where a mail service would.
struct SendMail: PreparingStep {
    let queue = Questions.mails

    func prepare(_ delivery: Delivery<Mail>) async throws {
        print("to \(delivery.payload.to): \(delivery.payload.text) (\(delivery.id))")
    }

    func commit(_ batch: [PreparedDelivery<Mail, Void>], in session: borrowing Session) throws {
        session.pipeline(
            "UPDATE backoffice.questions SET mailed_at = now() WHERE id = ANY ($1)",
            batch.map(\.delivery.payload.question))
    }
}
