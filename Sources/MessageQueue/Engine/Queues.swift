public import Foundation
import Postgres

/// A queue as it is set up.
public struct QueueEntry: Sendable, Equatable {
    /// The queue.
    public let queue: QueueName
    /// How it behaves. As ``Broker/change(queue:_:)`` has it: what is fixed once the queue exists stays as it is.
    public var settings: QueueSettings
    /// What programs note of the queue for themselves; to the engine it means nothing. ``MessageLimits/headerBytes`` at most.
    public var labels: [String: String]
    /// When it was made, by the database's clock.
    public let createdAt: Date
    /// When settings or labels changed last; at first, when it was made.
    public let changedAt: Date
    /// Whether an operator has stopped its deliveries.
    public let isPaused: Bool
}

extension Broker {
    /// The queues whose names begin with `prefix`, in the order of their names' bytes.
    ///
    /// - Parameters:
    ///   - prefix: empty for all.
    ///   - last: where to go on: the last name of the answer before; nil for the beginning.
    ///   - limit: the most that are told, 1 or more.
    /// - Throws: ``QueueError/invalidArgument(_:)``.
    public func queues(
        prefix: String = "", after last: QueueName? = nil, limit: Int = 1000
    ) async throws -> [QueueEntry] {
        try QueueError.demand(limit: limit)
        return try await database.read(
            Self.listQueues, prefix, last?.text ?? "", Int64(limit), row: { try QueueEntry($0) })
    }

    /// How one queue is set up.
    ///
    /// - Throws: ``QueueError/unknownQueue(_:)``.
    public func queue(_ name: QueueName) async throws -> QueueEntry {
        guard let entry = try await database.read(Self.readQueue, name.text, row: { try QueueEntry($0) }).first else {
            throw QueueError.unknownQueue(name)
        }
        return entry
    }

    static let queueColumns = """
        name, lanes, lease_ms, max_attempts, backoff_base_ms, backoff_cap_ms, jitter, levels, key_order::text, concurrency_limit,
            rate_limit, burst, retention_ms, labels, created_at, changed_at, paused_at IS NOT NULL, delay_ms
        """
    /// Reads all names to sort them: there are thousands at the most.
    static let listQueues = Statement(
        """
        SELECT \(queueColumns) FROM mq.queues WHERE starts_with(name, $1) AND name COLLATE "C" > $2 ORDER BY name COLLATE "C" LIMIT $3
        """)
    static let readQueue = Statement("SELECT \(queueColumns) FROM mq.queues WHERE name = $1")
    /// Keeps others from changing the queue until the transaction ends.
    static let lockQueue = Statement("SELECT \(queueColumns) FROM mq.queues WHERE name = $1 FOR UPDATE")
}

extension QueueEntry {
    init(_ row: borrowing Row) throws {
        queue = QueueName(try row[0])
        settings = QueueSettings(
            lanes: try row[1], lease: .milliseconds(try row[2, as: Int.self]),
            retry: RetryPolicy(
                attempts: try row[3], base: .milliseconds(try row[4, as: Int.self]),
                cap: .milliseconds(try row[5, as: Int.self]), jitter: try row[6]),
            priorities: PriorityLevels(rawValue: try row[7]) ?? .none, order: KeyOrder(code: try row[8]),
            retention: try row[12, as: Int?.self].map { .milliseconds($0) },
            delay: .milliseconds(try row[17, as: Int.self]),
            limits: QueueLimits(concurrency: try row[9], rate: try row[10], burst: try row[11]))
        labels = Payloads.decode(headers: try row[13])
        createdAt = try row[14]
        changedAt = try row[15]
        isPaused = try row[16]
    }
}
