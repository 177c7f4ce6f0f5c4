import MessageQueue
import Postgres

/// Whoever delivers mails. May be slow, and may fail.
protocol Mailer: Sendable {
    /// - Parameter key: the same for each attempt at one mail, so that it is delivered once.
    func send(_ text: String, to address: String, idempotencyKey key: String) async throws
}

/// Stands where a mail service would.
struct Printer: Mailer {
    func send(_ text: String, to address: String, idempotencyKey key: String) async throws {
        print("to \(address): \(text) (\(key))")
    }
}

/// Sends the welcome, and notes that it was sent.
struct SendWelcome: PreparingStep {
    let queue = Signups.welcomes
    let mailer: any Mailer
    /// When the mail service is down, one mail now and then finds out whether it is back; the others wait in the queue.
    let options = StepOptions(concurrency: 20, limit: .seconds(10), breaker: CircuitBreaker())

    func prepare(_ delivery: Delivery<Welcome>) async throws {
        let welcome = delivery.payload
        try await mailer.send("Welcome, \(welcome.name)!", to: welcome.email, idempotencyKey: delivery.id.description)
    }

    func commit(_ batch: [PreparedDelivery<Welcome, Void>], in session: borrowing Session) throws {
        session.pipeline(
            "UPDATE signups.signups SET welcomed_at = now() WHERE email = ANY ($1)",
            batch.map(\.delivery.payload.email))
    }
}
