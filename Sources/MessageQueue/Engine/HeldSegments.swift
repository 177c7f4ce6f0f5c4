import Durations
public import Foundation
import Postgres

/// A queue in which something that isn't finished keeps old messages of all queues from being dropped.
public struct SegmentHolder: Sendable, Codable, Equatable {
    /// The queue.
    public let queue: QueueName
    /// When the oldest part of the log was begun, which can't go, by the database's clock.
    public let since: Date
}

extension Broker {
    /// The queues that keep the oldest part of the log, when it should have been dropped more than an hour ago.
    ///
    /// The log goes by the segment, once all in it is finished, see ``WorkerOptions/retention``: a message that waits
    /// for weeks keeps what all queues have stored since. Costs one small look-up while all goes well, else a few index
    /// steps per lane, and the places of claims that are open.
    /// - Parameter keep: how long finished messages are to be kept; up to 366 days.
    public func segmentHolders(beyond keep: Duration) async throws -> [SegmentHolder] {
        let old = try await database.read(Self.overstaying, keep.bounded.inSeconds + Self.margin) { row in
            (number: try row[0, as: Int32.self], since: try row[1, as: Date.self])
        }
        guard let oldest = old.first else { return [] }
        let names = try await database.read(Self.holders, oldest.number) { try $0[0, as: String.self] }
        return names.map { SegmentHolder(queue: QueueName($0), since: oldest.since) }
    }

    /// How many parts of the log are there still that should have been dropped more than an hour ago, since something
    /// in them is not finished, or since nobody drops them.
    ///
    /// - Parameter keep: as for ``segmentHolders(beyond:)``.
    func overdueSegments(beyond keep: Duration) async throws -> Int {
        try await database.read(Self.old, keep.bounded.inSeconds + Self.margin) { try $0[0, as: Int32.self] }.count
    }

    /// Between two rounds of the upkeep, and for a lock that could not be had.
    private static let margin = 3600.0

    static let overstaying: Statement = """
        SELECT s.segment, s.opened_at FROM mq.segments s
        WHERE (SELECT n.opened_at FROM mq.segments n WHERE n.segment > s.segment ORDER BY n.segment LIMIT 1)
            < clock_timestamp() - make_interval(secs => $1)
        ORDER BY s.segment LIMIT 1
        """
    static let holders: Statement = """
        SELECT q.name FROM mq.queues q WHERE q.id IN (SELECT mq.unfinished_in($1, NULL)) ORDER BY q.name
        """
}
