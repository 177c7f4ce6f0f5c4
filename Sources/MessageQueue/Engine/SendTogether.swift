import Postgres

/// Sends of tasks of this process, as ``StoreTogether`` stores them.
struct SendTogether: Sendable {
    /// What one call sends.
    struct Sending: Sendable {
        let broker: Broker
        let queue: QueueName
        let messages: [Packed]
    }

    private let together: StoreTogether<Sending>

    init(on database: Database) {
        together = StoreTogether(on: database) { sendings, connection in
            try await sendings[0].broker.writeLookingAgain(on: connection) { try Self.store(sendings, in: $0) }
        }
    }

    /// Waits until the messages are stored.
    ///
    /// - Throws: what kept these messages from being stored, and never what only concerns others.
    func submit(_ sending: Sending) async throws { try await together.submit(sending) }

    /// The messages for a queue go into one lane, in one statement.
    private static func store(_ sendings: [Sending], in session: borrowing Session) throws {
        for (queue, sendings) in Dictionary(grouping: sendings, by: \.queue) {
            let broker = sendings[0].broker
            let entry = try broker.catalogue.queue(queue, in: session)
            try broker.send(sendings.flatMap { $0.messages }, to: entry, in: session)
        }
    }
}
