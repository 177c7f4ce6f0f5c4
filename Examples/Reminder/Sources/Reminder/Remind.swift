import MessageQueue
import Postgres

/// Reminds of an appointment that is near.
///
/// `Broker.cancel(scheduled:)` could take a reminder back, but only until it is due: a step would have to look all the same.
/// So it does nothing else, nobody has to keep a receipt, and it says nothing when the appointment has been moved or cancelled.
struct Remind: PreparingStep {
    let queue = Appointments.remindings
    let appointments: Appointments

    /// The message's id is the same over all attempts: a mail service that gets it as idempotency key sends one mail, even if
    /// this program dies before the commit and comes here again.
    ///
    /// - Returns: what was reminded of, or nil.
    func prepare(_ delivery: Delivery<Reminding>) async throws -> Reminding? {
        guard let name = try await appointments.name(for: delivery.payload) else { return nil }
        print("\(name), your appointment is near (mail \(delivery.id))")
        return delivery.payload
    }

    func commit(_ batch: [PreparedDelivery<Reminding, Reminding?>], in session: borrowing Session) throws {
        appointments.note(batch.compactMap(\.prepared), in: session)
    }
}
