import Postgres

/// What became of messages that were to be sent once under a name.
public enum SentOnce: Sendable, Equatable {
    /// They were stored, with these ids.
    case stored([MessageID])
    /// They had been stored before, with these ids.
    case repeated([MessageID])
    /// The name had been used for something else. Nothing was stored.
    case refused
}

extension Broker {
    /// Stores messages in a queue, all of them or none, unless it was done before under this name; and tells the ids that they have then
    /// or now. For whoever has to answer a request that is repeated as the first one was answered.
    ///
    /// Guarantee: of calls with the same name for the same queue within three days, at the same time or one after the other, one stores
    /// its messages. The ids follow from the name and the time when it was first used, so each caller is told the same ones; those that
    /// the messages had are not used. Costs two rows and three round trips more than ``send(_:to:)-(_,Queue<P>)``, however many messages
    /// there are; waits for a transaction that is just sending under the same name.
    /// - Parameters:
    ///   - messages: in their order.
    ///   - queue: where each name counts by itself.
    ///   - name: of the request. With the fingerprint as long as a key of `sendOnce` may be.
    ///   - fingerprint: tells one request from another one, such as a digest of it.
    /// - Throws: as ``sendOnce(_:to:by:within:in:)``.
    public func sendOnce<P>(
        _ messages: [Outgoing<P>], to queue: Queue<P>, under name: String, fingerprint: String
    ) async throws -> SentOnce {
        let key = try SentKeys.Name(name, fingerprint: fingerprint, of: messages.first?.id)
        return try await writeLookingAgain(on: database) { session in
            let entry = try self.catalogue.queue(queue.name, in: session)
            switch try SentKeys.ofQueues.take(key, of: entry.id, count: messages.count, in: session) {
            case .new(let ids):
                try self.send(Self.named(messages, ids).map { try Packed($0) }, to: entry, in: session)
                return .stored(ids)
            case .known(let ids): return .repeated(ids)
            case .another: return .refused
            }
        }
    }

    /// Publishes messages, all of them or none, unless it was done before under this name; and tells the ids that they have then or now.
    ///
    /// Guarantee: as that of ``sendOnce(_:to:under:fingerprint:)-(_,Queue<P>,_,_)``, for calls with the same name for
    /// the same topic. Who subscribes between a call and its repetition hears neither.
    /// - Parameters:
    ///   - messages: in their order.
    ///   - topic: where each name counts by itself.
    ///   - name: of the request. With the fingerprint as long as a key of `sendOnce` may be.
    ///   - fingerprint: tells one request from another one, such as a digest of it.
    /// - Throws: as ``publish(_:to:in:)``, and ``QueueError/beyondLimit(_:)`` for a name that is too long.
    public func publishOnce<P>(
        _ messages: [Outgoing<P>], to topic: Topic<P>, under name: String, fingerprint: String
    ) async throws -> SentOnce {
        try await publishOnce(messages, to: topic, under: name, fingerprint) { named, session in
            try self.publish(named, to: topic, in: session)
        }
    }

    /// Publishes messages that nobody is given before a delay has passed, as ``publish(_:to:after:in:)`` does, unless it was done before
    /// under this name; and tells the ids that they have then or now, as `publishOnce` without a delay does.
    public func publishOnce<P>(
        _ messages: [Outgoing<P>], to topic: Topic<P>, after delay: Duration, under name: String, fingerprint: String
    ) async throws -> SentOnce {
        try await publishOnce(messages, to: topic, under: name, fingerprint) { named, session in
            try self.publish(named, to: topic, after: delay, in: session)
        }
    }

    private func publishOnce<P>(
        _ messages: [Outgoing<P>], to topic: Topic<P>, under name: String, _ fingerprint: String,
        _ publish: @escaping @Sendable ([Outgoing<P>], borrowing Session) throws -> Void
    ) async throws -> SentOnce {
        let key = try SentKeys.Name(name, fingerprint: fingerprint, of: messages.first?.id)
        return try await writeLookingAgain(on: database) { session in
            _ = try self.catalogue.listeners(of: topic.name, in: session)
            switch try self.take(key, of: topic.name, count: messages.count, in: session) {
            case .new(let ids):
                try publish(Self.named(messages, ids), session)
                return .stored(ids)
            case .known(let ids): return .repeated(ids)
            case .another: return .refused
            }
        }
    }

    /// - Throws: ``QueueError/unknownTopic(_:)`` for one that is gone since it was looked up: there is nothing that a name was taken of.
    func take(
        _ key: SentKeys.Name, of topic: TopicName, count: Int, in session: borrowing Session
    ) throws -> SentKeys.Found {
        let found = try SentKeys.ofTopics.take(key, of: topic.text, count: count, in: session)
        if case .another = found {
            let names = try session.query(Self.readTopic, topic.text) { try $0[0, as: String.self] }
            if names.isEmpty { throw QueueError.unknownTopic(topic) }
        }
        return found
    }

    private static func named<P>(_ messages: [Outgoing<P>], _ ids: [MessageID]) -> [Outgoing<P>] {
        zip(messages, ids).map { message, id in
            var message = message
            message.id = id
            return message
        }
    }
}
