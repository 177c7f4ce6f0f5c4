import Durations
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
        let keys = (name: "name \(name)", request: "request \(fingerprint) \(name)")
        try MessageLimits.check(sendOnceKey: keys.request, of: messages.first?.id ?? MessageID())
        return try await writeLookingAgain(on: database) { session in
            let entry = try self.catalogue.queue(queue.name, in: session)
            let isNew = try self.take([keys.name], of: entry, in: session)
            if isNew { _ = try self.take([keys.request], of: entry, in: session) }
            // A statement of its own: it sees what a transaction did that was waited for.
            let found = try session.query(
                Self.namedIDs, entry.id, keys.name, keys.request, Self.namesLast.inSeconds, Int32(messages.count)
            ) { try MessageID(named: $0) }
            guard let ids = found.first.map({ _ in found.dropFirst().compactMap(\.self) }) else { return .refused }
            guard isNew else { return .repeated(ids) }
            try self.send(Self.named(messages, ids).map { try Packed($0) }, to: entry, in: session)
            return .stored(ids)
        }
    }

    private static let namesLast = Duration.seconds(3 * 86_400)

    private func take(_ keys: [String], of entry: Catalogue.Entry, in session: borrowing Session) throws -> Bool {
        try !session.query(Self.takeKeys, entry.id, keys, Self.namesLast.inSeconds) { try $0[0, as: String.self] }
            .isEmpty
    }

    private static func named<P>(_ messages: [Outgoing<P>], _ ids: [MessageID]) -> [Outgoing<P>] {
        zip(messages, ids).map { message, id in
            var message = message
            message.id = id
            return message
        }
    }

    /// By primary key. First a row that only says that the name is this request's, then one for each message.
    static let namedIDs: Statement = """
        SELECT n, (floor(extract(epoch FROM k.expires_at - make_interval(secs => $4::float8)) * 1000))::bigint,
            ('x' || left(d.digits, 16))::bit(64)::bigint, ('x' || substr(d.digits, 17, 16))::bit(64)::bigint
        FROM mq.known_queue($1) q JOIN mq.sent_keys k ON k.queue = q.id AND k.key = $2
        JOIN mq.sent_keys r ON r.queue = q.id AND r.key = $3
        CROSS JOIN generate_series(0, $5::int) AS n
        CROSS JOIN LATERAL (
            SELECT encode(sha256(convert_to(k.key || ' ' || extract(epoch FROM k.expires_at) || ' ' || n, 'UTF8')), 'hex') AS digits) AS d
        ORDER BY n
        """
}

extension MessageID {
    /// Nil for the row that stands for no message.
    fileprivate init?(named row: borrowing Row) throws {
        guard try row[0, as: Int.self] > 0 else { return nil }
        let milliseconds = UInt64(max(0, try row[1, as: Int64.self]))
        let high = UInt64(bitPattern: try row[2, as: Int64.self])
        self.init(milliseconds: milliseconds, (high, UInt64(bitPattern: try row[3, as: Int64.self])))
    }
}
