import Durations
import Postgres

extension Broker {
    /// When segments are opened and dropped.
    public struct Retention: Sendable {
        /// How long finished messages stay for queries and traces; up to 366 days.
        public var keep: Duration
        /// How long a segment is the head, up to 366 days. Live segments number about `keep / rotate` + 2.
        public var rotate: Duration

        /// Keeps finished messages for three days, in segments of a quarter of that, unless told otherwise.
        public init(keep: Duration = .seconds(3 * 86_400), rotate: Duration? = nil) {
            self.keep = keep
            self.rotate = rotate ?? keep / 4
        }

        /// - Throws: ``QueueError/invalidSettings(_:)`` for what lies outside of its range.
        package func check() throws {
            try QueueError.demand("retention.keep", keep, in: SettingRange.delays)
            try QueueError.demand("retention.rotate", rotate, in: SettingRange.delays)
        }
    }

    /// Opens the next segment when the head is old enough, and drops old ones in which everything is finished.
    ///
    /// Waits for no lock longer than `patience`: traffic is never held up for more than that, and what could not be had now
    /// is tried again at the next call. A call that comes late, or never, delays rotation and harms nothing.
    /// - Returns: what was done, for the log.
    @discardableResult
    func retire(_ retention: Retention, patience: Duration = .milliseconds(50)) async throws -> [String] {
        let opened = try await rotateIfDue(retention, patience: patience)
        let dropped = try await dropOld(retention, patience: patience)
        return (opened.map { ["opened segment \($0)"] } ?? []) + dropped.map { "dropped segment \($0)" }
    }

    /// - Returns: the number of the segment that was opened, if it was time.
    func rotateIfDue(_ retention: Retention, patience: Duration = .milliseconds(50)) async throws -> Int32? {
        let isDue = try await !database.query(Self.rotationDue, retention.rotate.inSeconds, row: Self.number).isEmpty
        return isDue ? try await rotate(retention, patience) : nil
    }

    /// - Returns: the numbers of the segments that were dropped. One that can't be dropped keeps none of the others.
    func dropOld(_ retention: Retention, patience: Duration = .milliseconds(50)) async throws -> [Int32] {
        var dropped: [Int32] = []
        try await eachByItself(database.query(Self.old, retention.keep.inSeconds, row: Self.number)) { segment in
            if try await drop(segment, patience) { dropped.append(segment) }
        }
        return dropped
    }

    /// Asks again under the lock: another process may have been faster.
    private func rotate(_ retention: Retention, _ patience: Duration) async throws -> Int32? {
        try await exclusively(within: patience) { session in
            let due = try session.query(Self.rotationDue, retention.rotate.inSeconds, row: Self.number)
            guard let next = due.first else { return nil }
            try session.execute("SELECT mq.open_segment($1)", next)
            // With the commit, in one trip: no process that is stopped or lost now keeps everybody from the log.
            session.pipeline("SELECT mq.advance_head($1)", next)
            return next
        }
    }

    /// False when something in it isn't finished, or it is gone already.
    private func drop(_ segment: Int32, _ patience: Duration) async throws -> Bool {
        try await exclusively(within: patience) { session in
            guard try session.execute(Self.isThere, segment) == 1 else { return false }
            guard try session.query(Self.unfinished, segment, row: { try $0[0, as: Bool.self] }) == [false] else {
                return false
            }
            session.pipeline("SELECT mq.drop_segment($1)", segment)
            return true
        }
    }

    /// To see whether everything in a segment is finished, all of it is read.
    private static let limit = Duration.seconds(120)

    private static func number(_ row: borrowing Row) throws -> Int32 { try row[0] }

    private func exclusively<T: Sendable>(
        within patience: Duration, _ body: @Sendable (borrowing Session) throws -> T
    ) async throws -> T {
        try await database.write(within: Self.limit) { session in
            session.pipeline("SELECT set_config('lock_timeout', $1, true)", "\(patience.wholeMilliseconds)ms")
            session.pipeline("SELECT pg_advisory_xact_lock(mq.lock_class(), 0)")
            return try body(session)
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
    static let isThere: Statement = "SELECT 1 FROM mq.segments WHERE segment = $1"
    static let unfinished: Statement = "SELECT mq.has_unfinished($1)"
}
