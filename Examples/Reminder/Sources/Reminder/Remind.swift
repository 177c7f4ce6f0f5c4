import MessageQueue
import Postgres

/// Reminds of an appointment that is near.
///
/// A message that has been sent is not taken back. So the step looks at what is true now, and says nothing when the
/// appointment has been moved or cancelled since.
struct Remind: PreparingStep {
    let queue = Appointments.remindings
    let appointments: Appointments

    /// The message's id is the same over all attempts: a mail service that gets it as idempotency key sends one mail, even if
    /// this program dies before the commit and comes here again.
    ///
    /// - Returns: the appointment, when its owner was reminded.
    func prepare(_ delivery: Delivery<Reminding>) async throws -> Int? {
        guard let name = try await appointments.name(for: delivery.payload) else { return nil }
        print("\(name), your appointment is near (mail \(delivery.id))")
        return delivery.payload.appointment
    }

    func commit(_ batch: [PreparedDelivery<Reminding, Int?>], in session: borrowing Session) throws {
        appointments.note(reminded: batch.compactMap(\.prepared), in: session)
    }
}
