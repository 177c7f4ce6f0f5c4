public import Foundation
import Postgres

/// A topic as it is set up.
public struct TopicSetup: Sendable, Equatable {
    /// The topic.
    public let topic: TopicName
    /// What programs note of the topic for themselves; to the engine it means nothing. ``MessageLimits/headerBytes`` at most.
    public var labels: [String: String]
    /// Half messages that were dropped after a day, ever, since nobody said what was to become of them; see ``HalfMessage``.
    public let droppedHalfMessages: Int
    /// When it was made, by the database's clock.
    public let createdAt: Date
    /// When its labels changed last; at first, when it was made.
    public let changedAt: Date
}

extension Broker {
    /// Makes a topic, unless there is one of this name, which then stays as it is. Under an ``Operator`` it is recorded as what they
    /// did, if it is new.
    ///
    /// - Returns: whether it is new. Of several who make the same topic at once, one is told so.
    /// - Throws: ``QueueError/invalidName(_:)``, ``QueueError/beyondLimit(_:)``.
    public func create(topic name: TopicName, labels: [String: String] = [:]) async throws -> Bool {
        try Self.check(name.text)
        try MessageLimits.check(labels: labels)
        let text = try Payloads.encode(headers: labels)
        let deed = Operator.current.map { Deed(.createTopic, nil, ["topic": name.text], by: $0) }
        return try await writeLookingAgain(on: database) { session in
            let isNew = try session.execute(Self.createTopic, name.text, text) == 1
            if isNew, let deed { try self.record(deed, in: session) }
            return isNew
        }
    }

    /// How one topic is set up.
    ///
    /// - Throws: ``QueueError/unknownTopic(_:)``.
    public func topic(_ name: TopicName) async throws -> TopicSetup {
        let found = try await database.read(Self.readTopic, name.text) { try TopicSetup($0) }
        guard let topic = found.first else { throw QueueError.unknownTopic(name) }
        return topic
    }

    /// The topics whose names begin with `prefix`, in the order of their names' bytes.
    ///
    /// - Parameters:
    ///   - prefix: empty for all.
    ///   - last: where to go on: the last name of the answer before; nil for the beginning.
    ///   - limit: the most that are told, 1 or more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func topics(
        prefix: String, after last: TopicName? = nil, limit: Int = 1000
    ) async throws -> [TopicSetup] {
        try QueueError.demand(limit: limit)
        return try await database.read(
            Self.listTopics, prefix, last?.text ?? "", Int64(limit), row: { try TopicSetup($0) })
    }

    /// Changes a topic's labels. Under an ``Operator`` it is recorded as what they did, with the names of those that are different.
    ///
    /// Guarantee: what `change` is given is how the topic is set up now, and nobody else changes it meanwhile.
    /// - Parameters:
    ///   - name: the topic.
    ///   - change: in the transaction; it is called again when that has to be repeated.
    /// - Returns: how it is set up afterwards.
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/beyondLimit(_:)``, and what `change` throws; then nothing is changed.
    @discardableResult
    public func change(
        topic name: TopicName, _ change: @escaping @Sendable (inout TopicSetup) throws -> Void
    ) async throws -> TopicSetup {
        let someone = Operator.current
        return try await writeLookingAgain(on: database) { session in
            let old = try self.lock(name, in: session)
            var new = old
            try change(&new)
            if new == old { return old }
            try MessageLimits.check(labels: new.labels)
            if let someone {
                let detail = ["topic": name.text, "labels": new.labels.names(differingFrom: old.labels)]
                try self.record(Deed(.changeTopic, nil, detail, by: someone), in: session)
            }
            let text = try Payloads.encode(headers: new.labels)
            return try session.query(Self.changeTopic, name.text, text) { try TopicSetup($0) }.first ?? new
        }
    }

    /// Deletes a topic with its subscriptions. What was published before is still delivered. Under an ``Operator`` it is recorded as what
    /// they did.
    ///
    /// - Returns: false when there was none.
    @discardableResult
    public func delete(topic name: TopicName) async throws -> Bool {
        // It may be gone whatever is heard of it.
        defer { catalogue.doubt() }
        let deed = Operator.current.map { Deed(.deleteTopic, nil, ["topic": name.text], by: $0) }
        return try await database.write { session in
            let isGone = try session.execute(Self.deleteTopic, name.text) == 1
            if isGone, let deed { try self.record(deed, in: session) }
            return isGone
        }
    }

    /// Keeps others from changing a topic or its subscriptions until the transaction ends; publishers go on.
    ///
    /// - Throws: ``QueueError/unknownTopic(_:)``.
    @discardableResult
    func lock(_ topic: TopicName, in session: borrowing Session) throws -> TopicSetup {
        let found = try session.query(Self.lockTopic, topic.text) { try TopicSetup($0) }
        guard let setup = found.first else { throw QueueError.unknownTopic(topic) }
        return setup
    }

    private static let topicColumns = "name, labels, created_at, changed_at, dropped_halves"
    static let createTopic: Statement = """
        INSERT INTO mq.topics (name, labels) VALUES ($1, coalesce($2::text::jsonb, '{}')) ON CONFLICT DO NOTHING
        """
    static let readTopic = Statement("SELECT \(topicColumns) FROM mq.topics WHERE name = $1")
    static let lockTopic = Statement("SELECT \(topicColumns) FROM mq.topics WHERE name = $1 FOR NO KEY UPDATE")
    /// Reads all names to sort them: there are thousands at the most.
    static let listTopics = Statement(
        """
        SELECT \(topicColumns) FROM mq.topics WHERE starts_with(name, $1) AND name COLLATE "C" > $2 ORDER BY name COLLATE "C" LIMIT $3
        """)
    static let changeTopic = Statement(
        """
        UPDATE mq.topics SET (labels, changed_at) = (coalesce($2::text::jsonb, '{}'), now()) WHERE name = $1 RETURNING \(topicColumns)
        """)
    static let deleteTopic: Statement = "DELETE FROM mq.topics WHERE name = $1"
}

extension TopicSetup {
    fileprivate init(_ row: borrowing Row) throws {
        topic = TopicName(try row[0])
        labels = Payloads.decode(headers: try row[1])
        droppedHalfMessages = try row[4]
        createdAt = try row[2]
        changedAt = try row[3]
    }
}
