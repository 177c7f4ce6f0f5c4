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
        try Self.refuseDelays(of: messages)
        guard !messages.isEmpty else { return }
        publish(try messages.map { try Packed($0) }, to: topic.name, heardBy: listeners, in: session)
    }

    private static func refuseDelays<P>(of messages: [Outgoing<P>]) throws {
        if let message = messages.first(where: { $0.delay ?? .zero > .zero }) {
            throw QueueError.delayRefused(message.id, queue: nil)
        }
    }

    /// - Throws: ``QueueError/unknownTopic(_:)``.
    func publish(_ messages: [Packed], to topic: TopicName, in session: borrowing Session) throws {
        publish(messages, to: topic, heardBy: try catalogue.listeners(of: topic, in: session), in: session)
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

    /// Publishes messages, and returns once they are committed for whoever hears them: all of them, or, when it throws,
    /// none.
    ///
    /// Small calls that are under way at the same time share a transaction, as sends do, unless a queue that keeps order
    /// hears the topic, or very many queues do; a lone one is committed at once. Each fails for reasons of its own only.
    /// - Throws: as ``publish(_:to:in:)``.
    public func publish<P>(_ messages: [Outgoing<P>], to topic: Topic<P>) async throws {
        guard !messages.isEmpty, let listeners = catalogue.knownListeners(of: topic.name) else {
            return try await writeLookingAgain(on: database) { try self.publish(messages, to: topic, in: $0) }
        }
        try Self.refuseDelays(of: messages)
        let packed = try messages.map { try Packed($0) }
        guard PublishTogether.mayHold(packed, heardBy: listeners) else {
            return try await writeLookingAgain(on: database) { try self.publish(packed, to: topic.name, in: $0) }
        }
        try await publishedTogether.submit(.init(broker: self, topic: topic.name, messages: packed))
    }

    /// See `mq.publish`: takes a lane of every queue that hears the topic, by the statement's own snapshot, and appends to all of
    /// them at once, after the last place of each, which the primary key of the head segment carries.
    static let fanOut: Statement = "SELECT mq.publish($1, $2, $3, $4, $5, $6, $7)"
}
