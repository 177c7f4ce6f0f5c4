public import Postgres

extension Broker {
    /// Stores messages in the queue of every subscription of a topic that matches their tags, in the caller's transaction.
    ///
    /// Guarantee: each matching subscription gets each message exactly once, or, if the transaction rolls back, none does.
    /// A topic that nobody has subscribed to swallows what it is told. All copies carry the same message id.
    /// Each queue's own ``QueueSettings/delay`` counts, and no other: a ``Outgoing/delay`` of more than zero is refused.
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/delayRefused(_:queue:)``, the error of encoding a payload, or
    ///   ``QueueError/beyondLimit(_:)``.
    public func publish<P>(_ messages: [Outgoing<P>], to topic: Topic<P>, in session: borrowing Session) throws {
        let listeners = try catalogue.listeners(of: topic.name, in: session)
        if let message = messages.first(where: { $0.delay ?? .zero > .zero }) {
            throw QueueError.delayRefused(message.id, queue: nil)
        }
        guard !messages.isEmpty else { return }
        publish(try messages.map { try Packed($0) }, to: topic.name, heardBy: listeners, in: session)
    }

    /// In parcels, each one statement.
    ///
    /// - Parameter listeners: whom to ring.
    func publish(
        _ messages: [Packed], to topic: TopicName, heardBy listeners: [Int32], in session: borrowing Session
    ) {
        for parcel in messages.parcels(weighing: \.weight) {
            session.pipeline(
                Self.fanOut, topic.text, parcel.map(\.id.uuid), parcel.given(\.key), parcel.given(\.tag),
                parcel.given(\.headers), parcel.map(\.body), parcel.map(\.priority.code))
        }
        ring(listeners, after: session)
    }

    /// Publishes in a transaction of its own.
    public func publish<P>(_ messages: [Outgoing<P>], to topic: Topic<P>) async throws {
        try await writeLookingAgain(on: database) { try self.publish(messages, to: topic, in: $0) }
    }

    /// See `mq.publish`: takes a lane of every queue that hears the topic, by the statement's own snapshot, and appends to all of
    /// them at once, after the last place of each, which the primary key of the head segment carries.
    static let fanOut: Statement = "SELECT mq.publish($1, $2, $3, $4, $5, $6, $7)"
}
