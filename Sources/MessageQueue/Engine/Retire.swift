import Postgres

extension Broker {
    /// When segments are opened and dropped.
    public struct Retention: Sendable {
        /// How long finished messages stay for queries and traces.
        public var keep: Duration
        /// How long a segment is the head. Live segments number about `keep / rotate` + 2.
        public var rotate: Duration

        public init(keep: Duration = .seconds(3 * 86_400), rotate: Duration? = nil) {
            self.keep = keep
            self.rotate = rotate ?? keep / 4
        }
    }

    /// Opens the next segment when the head is old enough, and drops old ones in which everything is finished.
    ///
    /// Waits for no lock longer than 50 ms: traffic is never held up for more than that, and what could not be had now is
    /// tried again at the next call. A call that comes late, or never, delays rotation and harms nothing.
    /// - Returns: what was done, for the log.
    @discardableResult
    func retire(_ retention: Retention) async throws -> [String] {
        var deeds: [String] = []
        let due = try await database.query(Self.rotationDue, retention.rotate.inSeconds) { row in
            try row[0, as: Int32.self]
        }
        if let next = due.first {
            try await exclusively { session in
                try session.execute("SELECT mq.open_segment($1)", next)
                try session.execute("SELECT mq.advance_head($1)", next)
            }
            deeds.append("opened segment \(next)")
        }
        for segment in try await database.query(Self.old, retention.keep.inSeconds, row: { try $0[0, as: Int32.self] })
        {
            try await exclusively { session in
                let open = try session.query(Self.unfinished, segment, row: { try $0[0, as: Bool.self] })
                if open == [false] {
                    try session.execute("SELECT mq.drop_segment($1)", segment)
                }
            }
            deeds.append("looked after segment \(segment)")
        }
        return deeds
    }

    private func exclusively(_ body: @Sendable (borrowing Session) throws -> Void) async throws {
        try await database.write { session in
            session.queue("SELECT set_config('lock_timeout', '50ms', true)")
            session.queue("SELECT pg_advisory_xact_lock(1836122112, 0)")
            try body(session)
        }
    }

    static let rotationDue: Statement = """
        SELECT segment + 1 FROM mq.segments WHERE segment = (SELECT max(segment) FROM mq.segments)
            AND opened_at < clock_timestamp() - make_interval(secs => $1)
        """
    static let old: Statement = """
        SELECT s.segment FROM mq.segments s
        WHERE (SELECT n.opened_at FROM mq.segments n WHERE n.segment > s.segment ORDER BY n.segment LIMIT 1)
            < clock_timestamp() - make_interval(secs => $1)
        ORDER BY s.segment
        """
    static let unfinished: Statement = "SELECT mq.has_unfinished($1)"
}
