import Durations
public import Foundation
public import Postgres

/// A message that nobody hears yet, since its producers have not said what is to become of it.
public struct HalfMessage: Sendable, Equatable {
    /// What it is committed or rolled back with now; any receipt from before is worth nothing.
    public let receipt: HalfReceipt
    /// The message; ``Message/sentAt`` is when it was prepared.
    public let message: Message
    /// How often its producers have been asked, this time included.
    public let checks: Int
    /// Until when the receipt is good, and the producers are not asked again; by the database's clock.
    public let receiptEnds: Date
}

extension Broker {
    /// Stores a message of a topic that nobody hears until it is committed.
    ///
    /// For producers whose own transaction is in another database: they prepare the message, do their work, and commit or roll back
    /// the message after it. Where they vanish in between, the others of their group are asked, see ``halfMessages(of:in:limit:lasting:)``.
    /// Within this database a transaction that publishes does all of it by itself.
    /// - Parameters:
    ///   - message: without a delay.
    ///   - topic: that it is published to once it is committed.
    ///   - group: the producers who know what has become of the work.
    ///   - after: how long until they are asked, and how long the receipt is good; from a second to a day.
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/delayRefused(_:queue:)``, ``QueueError/invalidArgument(_:)``,
    ///   ``QueueError/beyondLimit(_:)``, or the error of encoding the payload.
    public func prepare<P>(
        _ message: Outgoing<P>, to topic: Topic<P>, by group: String, check after: Duration
    ) async throws -> HalfReceipt {
        try QueueError.demand("check after", after, in: .seconds(1)...Self.longestHalf, or: QueueError.invalidArgument)
        try MessageLimits.check(sendOnceKey: group, of: message.id)
        guard message.delay ?? .zero <= .zero else { throw QueueError.delayRefused(message.id, queue: nil) }
        let packed = try Packed(message)
        let receipt: HalfReceipt = try await writeLookingAgain(on: database) { session in
            let mark = try self.catalogue.origin(of: session).mark
            let numbers = try session.query(
                Self.prepareHalf, topic.name.text, group, after.inSeconds, packed.id.uuid, packed.key, packed.tag,
                packed.headers, packed.body, packed.priority.code
            ) { try $0[0, as: Int64.self] }
            guard let number = numbers.first else { throw QueueError.unknownTopic(topic.name) }
            return HalfReceipt(number: number, turn: 0, mark: mark)
        }
        // Later than that, whoever waits looks anyway.
        if after < Doorbell.horizon { halfBells.ring(ProducerGroup(name: group, topic: topic.name)) }
        return receipt
    }

    /// Publishes a half message, in one transaction: every matching subscription gets it exactly once.
    ///
    /// - Returns: false when the receipt is worth nothing any more: its time has passed, there is a newer one, or the message has been
    ///   committed or rolled back already.
    public func commit(half receipt: HalfReceipt) async throws -> Bool {
        try await writeLookingAgain(on: database) { try self.commit(half: receipt, in: $0) }
    }

    /// As ``commit(half:)``, in the caller's transaction.
    public func commit(half receipt: HalfReceipt, in session: borrowing Session) throws -> Bool {
        guard let home = try home(of: receipt, in: session) else { return false }
        let topics = try session.query(Self.commitHalf, receipt.number, receipt.turn, home) { row in
            TopicName(try row[0])
        }
        guard let topic = topics.first else { return false }
        ring(try catalogue.listeners(of: topic, in: session), after: session)
        return true
    }

    /// Drops a half message, as if it had never been prepared.
    ///
    /// - Returns: false when the receipt is worth nothing any more, as with ``commit(half:)``.
    public func rollback(half receipt: HalfReceipt) async throws -> Bool {
        try await writeLookingAgain(on: database) { session in
            guard let home = try self.home(of: receipt, in: session) else { return false }
            return try session.execute(Self.rollBackHalf, receipt.number, receipt.turn, home) == 1
        }
    }

    /// Asks producers what is to become of messages that they prepared and neither committed nor rolled back in time.
    ///
    /// Guarantee: until the time of the answered receipts has passed, nobody else is asked about the same ones. After a day a message
    /// is not asked about any more: it is dropped, and counted in ``TopicSetup/droppedHalfMessages``.
    /// - Parameters:
    ///   - group: that they were prepared by.
    ///   - topic: that they are to be published to.
    ///   - limit: the most that are told, 1 or more.
    ///   - lasting: how long the receipts are good; from a second to a day.
    /// - Throws: ``QueueError/unknownTopic(_:)``, ``QueueError/invalidArgument(_:)``.
    public func halfMessages(
        of group: String, in topic: TopicName, limit: Int = 1, lasting: Duration = .seconds(10)
    ) async throws -> [HalfMessage] {
        try Self.check(halves: limit, lasting)
        return try await writeLookingAgain(on: database) { session in
            _ = try self.catalogue.listeners(of: topic, in: session)
            let mark = try self.catalogue.origin(of: session).mark
            return try session.query(Self.checkHalves, topic.text, group, Int32(limit), lasting.inSeconds) { row in
                let (number, turn) = (try row[0, as: Int64.self], try row[1, as: Int32.self])
                return HalfMessage(
                    receipt: HalfReceipt(number: number, turn: turn, mark: mark), message: try Message(row, from: 3),
                    checks: Int(turn), receiptEnds: try row[2])
            }
        }
    }

    static func check(halves limit: Int, _ lasting: Duration) throws {
        try QueueError.demand("limit", limit, in: 1...Self.largestClaim, or: QueueError.invalidArgument)
        try QueueError.demand("lasting", lasting, in: .seconds(1)...Self.longestHalf, or: QueueError.invalidArgument)
    }

    /// Drops those that nobody will be asked about any more.
    ///
    /// - Returns: how many were dropped.
    @discardableResult
    func dropHalves() async throws -> Int {
        try await database.query(Self.dropHalves) { try $0[0, as: Int.self] }.first ?? 0
    }

    /// Where the session leads to; nil when the receipt is from elsewhere.
    private func home(of receipt: HalfReceipt, in session: borrowing Session) throws -> Int64? {
        // This connection may be the one that has not noticed.
        if try catalogue.origin(of: session).mark != receipt.mark { session.unlearn() }
        let origin = try catalogue.origin(of: session)
        return origin.mark == receipt.mark ? origin.home : nil
    }

    /// How long producers are asked about a half message.
    private static let longestHalf = Duration.seconds(86_400)

    static let prepareHalf: Statement = """
        INSERT INTO mq.half_messages (topic, producers, check_at, id, key, tag, headers, body, priority)
        SELECT t.id, $2, now() + make_interval(secs => $3), $4, $5, $6, $7, $8, $9 FROM mq.topics t WHERE t.name = $1 RETURNING number
        """
    /// By primary key. Who deletes the row publishes it; others who wait for the row's lock find none. See `mq.publish`.
    static let commitHalf: Statement = """
        WITH half AS MATERIALIZED (
            DELETE FROM mq.half_messages h USING mq.topics t
            WHERE h.number = $1 AND h.turn = $2 AND h.check_at > now() AND t.id = h.topic AND mq.is_home($3) RETURNING h.*, t.name)
        SELECT h.name, mq.publish(h.name, ARRAY[h.id], ARRAY[h.key], ARRAY[h.tag], ARRAY[h.headers], ARRAY[h.body], ARRAY[h.priority])
        FROM half h
        """
    static let rollBackHalf: Statement = """
        DELETE FROM mq.half_messages WHERE number = $1 AND turn = $2 AND check_at > now() AND mq.is_home($3)
        """
    /// By the index (topic, producers, check_at). Those that others are just asked about are passed over.
    static let checkHalves: Statement = """
        WITH due AS MATERIALIZED (
            SELECT h.number FROM mq.half_messages h JOIN mq.topics t ON t.id = h.topic
            WHERE t.name = $1 AND h.producers = $2 AND h.check_at <= now() AND h.prepared_at > now() - interval '1 day'
            ORDER BY h.check_at LIMIT $3 FOR UPDATE OF h SKIP LOCKED)
        UPDATE mq.half_messages h SET turn = h.turn + 1, check_at = now() + make_interval(secs => $4) FROM due
        WHERE h.number = due.number
        RETURNING h.number, h.turn, h.check_at, h.id, h.prepared_at, $1, h.key, h.tag, h.headers, h.body
        """
    /// One whose receipt is still good is left until its time has passed.
    static let dropHalves: Statement = """
        WITH old AS MATERIALIZED (
            SELECT number FROM mq.half_messages WHERE prepared_at <= now() - interval '1 day' AND check_at <= now()
            ORDER BY prepared_at LIMIT 10000 FOR UPDATE SKIP LOCKED),
        gone AS (DELETE FROM mq.half_messages h USING old WHERE h.number = old.number RETURNING h.topic),
        counted AS (
            UPDATE mq.topics t SET dropped_halves = t.dropped_halves + n.count
            FROM (SELECT topic, count(*) AS count FROM gone GROUP BY topic) AS n WHERE t.id = n.topic)
        SELECT count(*) FROM gone
        """
}
