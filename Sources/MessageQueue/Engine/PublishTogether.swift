import Postgres

/// What tasks of this process publish, as ``StoreTogether`` stores it.
struct PublishTogether: Sendable {
    /// What one call publishes.
    struct Publishing: Sendable {
        let broker: Broker
        let topic: TopicName
        let messages: [Packed]
    }

    private let together: StoreTogether<Publishing>

    init(on database: Database) {
        together = StoreTogether(on: database) { publishings, connection in
            try await publishings[0].broker.writeLookingAgain(on: connection) {
                try Self.store(publishings, in: $0)
            }
        }
    }

    /// Whether messages are few enough to go together with others', with a copy for each listener, and wait for nobody:
    /// where a listener keeps order they may wait for another sender.
    static func mayHold(_ messages: [Packed], heardBy listeners: [Catalogue.Entry]) -> Bool {
        let copies = max(1, listeners.count)
        return listeners.allSatisfy { $0.order == nil } && messages.count * copies <= SharedCall.mostMessages
            && messages.weight * copies <= SharedCall.mostBytes
    }

    /// Waits until the messages are stored for whoever hears them.
    ///
    /// - Throws: what kept these messages from being stored, and never what only concerns others.
    func submit(_ publishing: Publishing) async throws { try await together.submit(publishing) }

    /// The messages for a topic go into one lane of each queue that hears it, in one statement.
    private static func store(_ publishings: [Publishing], in session: borrowing Session) throws {
        for (topic, publishings) in Dictionary(grouping: publishings, by: \.topic) {
            try publishings[0].broker.publish(publishings.flatMap { $0.messages }, to: topic, in: session)
        }
    }
}
