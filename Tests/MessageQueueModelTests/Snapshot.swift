import Foundation
import Postgres

@testable import MessageQueue

/// A message in one queue. What it is like follows from its number, the last part of its id.
struct Name: Hashable, CustomStringConvertible {
    let queue: Int32
    let id: UUID

    init(queue: Int32, id: UUID) {
        self.queue = queue
        self.id = id
    }

    init(_ received: ReceivedMessage) { self.init(queue: received.receipt.queue, id: received.message.id.uuid) }

    var key: String? { isAnonymous ? nil : ["a", "b", "a", nil][Int(id.uuid.15) % 4] }
    /// One after the other of the urgent third, the middle one and the last; within each all that are of it.
    var priority: Priority {
        if isAnonymous { return Self.anonymousPriority }
        let number = Int(id.uuid.15)
        let third = Self.thirds[number % Self.thirds.count]
        return third[number / Self.thirds.count % third.count]
    }
    private static let thirds = (0..<PriorityLevels.three.rawValue).map { level in
        Priority.allCases.filter { PriorityLevels.three.level(of: $0) == level }
    }

    /// With an id that the engine made: those of the generator count from `8000-000000000000` on.
    private var isAnonymous: Bool { [id.uuid.9, id.uuid.10, id.uuid.11, id.uuid.12].contains { $0 != 0 } }
    static let anonymousPriority = Priority.normal

    var description: String { "\(queue)/\(id.uuidString.suffix(4))" }
}

/// A key of a queue that keeps order.
struct Key: Hashable, CustomStringConvertible {
    let queue: Int32
    let text: String

    var description: String { "\(queue)/\(text)" }
}

/// All that is committed about some messages, as plain values: what the model reasons about.
struct Snapshot: Equatable, Sendable {
    /// A row of the log.
    struct Attempt: Equatable, Sendable {
        let name: Name
        let number: Int
        /// The place that it had before it was held back.
        let rank: Int64?
        /// Past the retention of its queue.
        let isOutdated: Bool
        let appendedAt: Date
        var claim: Claim?
        var outcome: String?

        var isOpen: Bool { claim != nil && outcome == nil }
        var isWaiting: Bool { claim == nil && outcome == nil }
    }

    struct Claim: Equatable, Sendable {
        enum Lease: String, Sendable { case untilGone, running, ended }
        let consumer: Int64
        var lease: Lease
        /// How often the visibility of the place was changed.
        var turn: Int32 = 0
        /// The claim's last place.
        let end: Int64
    }

    /// Where a message of a blocked key waits.
    struct Spot: Hashable, Sendable {
        let key: Key
        let rank: Int64
    }

    /// What a blocked key waits for.
    struct Block: Equatable, Sendable {
        enum Retry: String, Sendable { case due, later, never }
        let retry: Retry
        /// How many of its messages are in the log again, unfinished.
        let replaying: Int
        let isMoving: Bool
    }

    /// Of what is changed about a queue while it is in use.
    struct Settings: Equatable, Sendable {
        let attempts: Int
        let delay: Duration
        /// Of its subscription; nil without one.
        let filter: String?
    }

    /// A row of the scheduled messages, of the held ones or of the dead letters.
    struct Resting: Equatable, Sendable {
        let name: Name
        let attempt: Int
        /// Of scheduled ones: due. Of dead letters: given up because the consumer was lost.
        let isMarked: Bool
    }

    /// A message that is neither committed nor rolled back.
    struct Half: Equatable, Sendable {
        let id: UUID
        let tag: String?
        /// How often its producers were asked.
        let turn: Int
        /// Whether the receipt of this turn is still good.
        let isGood: Bool
    }

    var log: [Receipt: Attempt] = [:]
    /// By number.
    var halves: [Int64: Half] = [:]
    /// By ticket.
    var scheduled: [Int64: Resting] = [:]
    var dead: [Int64: Resting] = [:]
    var held: [Spot: Resting] = [:]
    var blocked: [Key: Block] = [:]
    var paused: Set<Int32> = []
    /// Of each queue that there is.
    var settings: [Int32: Settings] = [:]

    /// Where each message is; more than one entry is a contradiction.
    var whereabouts: [Name: [String]] {
        var found: [Name: [String]] = [:]
        for attempt in log.values where attempt.outcome == nil || attempt.outcome == Outcome.done.rawValue {
            found[attempt.name, default: []].append(attempt.outcome == nil ? "log" : "done")
        }
        for resting in scheduled.values { found[resting.name, default: []].append("scheduled") }
        for resting in held.values { found[resting.name, default: []].append("held") }
        for resting in dead.values { found[resting.name, default: []].append("dead") }
        return found
    }

    /// As if these queues had never been.
    func without(_ queues: Set<Int32>) -> Snapshot {
        if queues.isEmpty { return self }
        var rest = self
        rest.log = log.filter { !queues.contains($0.key.queue) }
        rest.scheduled = scheduled.filter { !queues.contains($0.value.name.queue) }
        rest.dead = dead.filter { !queues.contains($0.value.name.queue) }
        rest.held = held.filter { !queues.contains($0.key.key.queue) }
        rest.blocked = blocked.filter { !queues.contains($0.key.queue) }
        rest.paused.subtract(queues)
        return rest
    }

    /// What is in these queues, and not done.
    func unfinished(of queues: Set<Int32>) -> [Name] {
        if queues.isEmpty { return [] }
        return whereabouts.filter { queues.contains($0.key.queue) }.flatMap { name, places in
            places.filter { $0 != "done" }.map { _ in name }
        }
    }

    /// Messages of the same key that were sent earlier, and are neither done nor dead.
    func ahead(of place: Receipt) -> Set<Name> {
        guard let attempt = log[place], let key = attempt.name.key else { return [] }
        let rank = attempt.rank ?? place.seq
        let logged = log.filter { other, it in
            it.outcome == nil && other.queue == place.queue && it.name.key == key && it.rank ?? other.seq < rank
        }
        let waiting = held.filter { $0.key.key == Key(queue: place.queue, text: key) && $0.key.rank < rank }
        return Set(logged.values.map(\.name) + waiting.values.map(\.name))
    }

    /// The held messages of a key, in the order in which they are to be delivered.
    func queue(of key: Key) -> [(spot: Spot, message: Resting)] {
        held.filter { $0.key.key == key }.sorted { $0.key.rank < $1.key.rank }.map { ($0.key, $0.value) }
    }
}

extension Snapshot {
    /// In the header of messages that get their ids from the engine: the seed of the history that they are of.
    static let historyHeader = "history"

    static func take(of ids: [UUID], in history: UInt64, on database: some DatabaseAccess) async throws -> Snapshot {
        let parts = try await database.perform(isTransaction: false, within: nil) { session in
            let mark = try Origin(Origin.text(of: session).text).mark
            return try session.query(read, ids, "\(history)") { row in try Part(row, mark: mark) }
        }
        return parts.reduce(into: Snapshot()) { $1.add(to: &$0) }
    }

    private enum Part: Sendable {
        case log(Receipt, Attempt), scheduled(Int64, Resting), dead(Int64, Resting), held(Spot, Resting)
        case blocked(Key, Block), paused(Int32), half(Int64, Half), queue(Int32, Settings)

        init(_ row: borrowing Row, mark: UInt32) throws {
            let queue = try row[1, as: Int32.self]
            switch try row[0, as: String.self] {
            case "log":
                self = .log(
                    Receipt(queue: queue, lane: try row[4], seq: try row[5], mark: mark),
                    Attempt(
                        name: try Self.name(row), number: try row[3], rank: try row[6], isOutdated: try row[11],
                        appendedAt: try row[14], claim: try Self.claim(row), outcome: try row[10]))
            case "half":
                self = .half(
                    try row[5], Half(id: try row[2], tag: try row[10], turn: try row[3], isGood: try row[11]))
            case "queue":
                let delay = Duration.milliseconds(try row[5, as: Int.self])
                self = .queue(queue, Settings(attempts: try row[3], delay: delay, filter: try row[10]))
            case "scheduled": self = .scheduled(try row[5], try Self.resting(row))
            case "dead": self = .dead(try row[5], try Self.resting(row))
            case "held":
                self = .held(Spot(key: Key(queue: queue, text: try row[12]), rank: try row[5]), try Self.resting(row))
            case "blocked":
                let retry = Block.Retry(rawValue: try row[10]) ?? .never
                self = .blocked(
                    Key(queue: queue, text: try row[12]),
                    Block(retry: retry, replaying: try row[3], isMoving: try row[11]))
            default: self = .paused(queue)
            }
        }

        private static func name(_ row: borrowing Row) throws -> Name { Name(queue: try row[1], id: try row[2]) }

        private static func resting(_ row: borrowing Row) throws -> Resting {
            Resting(name: try name(row), attempt: try row[3], isMarked: try row[11])
        }

        private static func claim(_ row: borrowing Row) throws -> Claim? {
            guard let consumer = try row[7, as: Int64?.self] else { return nil }
            let lease = try row[8, as: String?.self].flatMap(Claim.Lease.init) ?? .untilGone
            return Claim(consumer: consumer, lease: lease, turn: try row[13], end: try row[9])
        }

        func add(to snapshot: inout Snapshot) {
            switch self {
            case .log(let place, let attempt): snapshot.log[place] = attempt
            case .scheduled(let ticket, let resting): snapshot.scheduled[ticket] = resting
            case .dead(let ticket, let resting): snapshot.dead[ticket] = resting
            case .held(let spot, let resting): snapshot.held[spot] = resting
            case .blocked(let key, let block): snapshot.blocked[key] = block
            case .paused(let queue): snapshot.paused.insert(queue)
            case .queue(let queue, let settings): snapshot.settings[queue] = settings
            case .half(let number, let half): snapshot.halves[number] = half
            }
        }
    }

    private static let read: Statement = """
        SELECT 'log', m.queue, m.id, m.attempt, m.lane, m.seq, m.rank, c.consumer,
            CASE WHEN coalesce(v.lease_until, c.lease_until) < clock_timestamp() THEN 'ended'
                WHEN c.lease_until IS NOT NULL THEN 'running' END,
            c.last_seq, d.outcome::text, q.retention_ms IS NOT NULL AND m.sent_at < clock_timestamp() - interval '1 hour', NULL,
            coalesce(v.turn, 0), m.appended_at
        FROM mq.messages m LEFT JOIN mq.queues q ON q.id = m.queue
        LEFT JOIN LATERAL (
            SELECT n.first_seq, n.last_seq, n.consumer, n.lease_until FROM mq.claims n
            WHERE n.queue = m.queue AND n.lane = m.lane AND n.last_seq >= m.seq ORDER BY n.last_seq LIMIT 1) AS c
            ON c.first_seq <= m.seq
        LEFT JOIN mq.completions d ON d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq
        LEFT JOIN mq.leases v ON v.queue = m.queue AND v.lane = m.lane AND v.seq = m.seq AND d.seq IS NULL
        WHERE m.id = ANY ($1) OR m.headers ->> 'history' = $2
        UNION ALL
        SELECT 'scheduled', queue, id, attempt, NULL, ticket, NULL, NULL, NULL, NULL, NULL, due_at <= clock_timestamp(), NULL, NULL,
            NULL
        FROM mq.scheduled WHERE id = ANY ($1) OR headers ->> 'history' = $2
        UNION ALL
        SELECT 'dead', queue, id, attempts, NULL, ticket, NULL, NULL, NULL, NULL, NULL, reason = 'worker-lost', NULL, NULL,
            NULL
        FROM mq.dead_letters WHERE id = ANY ($1) OR headers ->> 'history' = $2
        UNION ALL
        SELECT 'held', queue, id, attempt, NULL, rank, NULL, NULL, NULL, NULL, NULL, false, key, NULL, NULL FROM mq.held
        WHERE id = ANY ($1) OR headers ->> 'history' = $2
        UNION ALL
        SELECT 'blocked', queue, NULL, replaying, NULL, NULL, NULL, NULL, NULL, NULL,
            CASE WHEN retry_at <= clock_timestamp() THEN 'due' WHEN retry_at < 'infinity' THEN 'later' ELSE 'never' END, is_moving, key,
            NULL, NULL
        FROM mq.blocked_keys
        UNION ALL
        SELECT 'paused', id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true, NULL, NULL, NULL FROM mq.queues
        WHERE paused_at IS NOT NULL
        UNION ALL
        SELECT 'queue', q.id, NULL, q.max_attempts, NULL, q.delay_ms, NULL, NULL, NULL, NULL,
            (SELECT coalesce(array_to_string(s.tags, ','), 'all') FROM mq.subscriptions s WHERE s.queue = q.id), false, NULL, NULL, NULL
        FROM mq.queues q
        UNION ALL
        SELECT 'half', 0, id, turn, NULL, number, NULL, NULL, NULL, NULL, tag, check_at > clock_timestamp(), NULL, NULL, NULL
        FROM mq.half_messages WHERE id = ANY ($1)
        """
}
