import Foundation
import Postgres

@testable import MessageQueue

/// A message in one queue.
struct Name: Hashable, CustomStringConvertible {
    let queue: Int32
    let id: UUID

    var description: String { "\(queue)/\(id.uuidString.suffix(4))" }
}

/// All that is committed about some messages, as plain values: what the model reasons about.
struct Snapshot: Equatable, Sendable {
    /// A row of the log.
    struct Attempt: Equatable, Sendable {
        let name: Name
        let number: Int
        var claim: Claim?
        var outcome: String?

        var isOpen: Bool { claim != nil && outcome == nil }
        var isWaiting: Bool { claim == nil && outcome == nil }
    }

    struct Claim: Equatable, Sendable {
        enum Lease: String, Sendable { case untilGone, running, ended }
        let consumer: Int64
        var lease: Lease
    }

    /// A row of the deferred messages or of the dead letters.
    struct Resting: Equatable, Sendable {
        let name: Name
        let attempt: Int
        /// Of deferred ones: due. Of dead letters: given up because the consumer was lost.
        let isMarked: Bool
    }

    var log: [Place: Attempt] = [:]
    /// By ticket.
    var deferred: [Int64: Resting] = [:]
    var dead: [Int64: Resting] = [:]
    var paused: Set<Int32> = []

    /// Where each message is; more than one entry is a contradiction.
    var whereabouts: [Name: [String]] {
        var found: [Name: [String]] = [:]
        for attempt in log.values where attempt.outcome == nil || attempt.outcome == Outcome.done.rawValue {
            found[attempt.name, default: []].append(attempt.outcome == nil ? "log" : "done")
        }
        for resting in deferred.values { found[resting.name, default: []].append("deferred") }
        for resting in dead.values { found[resting.name, default: []].append("dead") }
        return found
    }
}

extension Snapshot {
    static func take(of ids: [UUID], on database: some DatabaseAccess) async throws -> Snapshot {
        let parts = try await database.query(read, ids) { row in try Part(row) }
        return parts.reduce(into: Snapshot()) { $1.add(to: &$0) }
    }

    private enum Part: Sendable {
        case log(Place, Attempt), deferred(Int64, Resting), dead(Int64, Resting), paused(Int32)

        init(_ row: borrowing Row) throws {
            let queue = try row[1, as: Int32.self]
            guard let id = try row[2, as: UUID?.self] else {
                self = .paused(queue)
                return
            }
            let (name, attempt) = (Name(queue: queue, id: id), try row[3, as: Int.self])
            let seq = try row[5, as: Int64.self]
            switch try row[0, as: String.self] {
            case "log":
                let consumer = try row[6, as: Int64?.self]
                let lease = try row[7, as: String?.self].flatMap(Claim.Lease.init) ?? .untilGone
                let claim = consumer.map { Claim(consumer: $0, lease: lease) }
                self = .log(
                    Place(queue: queue, lane: try row[4], seq: seq),
                    Attempt(name: name, number: attempt, claim: claim, outcome: try row[8]))
            case "deferred":
                self = .deferred(seq, Resting(name: name, attempt: attempt, isMarked: try row[9]))
            default:
                self = .dead(seq, Resting(name: name, attempt: attempt, isMarked: try row[9]))
            }
        }

        func add(to snapshot: inout Snapshot) {
            switch self {
            case .log(let place, let attempt): snapshot.log[place] = attempt
            case .deferred(let ticket, let resting): snapshot.deferred[ticket] = resting
            case .dead(let ticket, let resting): snapshot.dead[ticket] = resting
            case .paused(let queue): snapshot.paused.insert(queue)
            }
        }
    }

    private static let read: Statement = """
        SELECT 'log', m.queue, m.id, m.attempt, m.lane, m.seq, c.consumer,
            CASE WHEN c.lease_until < clock_timestamp() THEN 'ended' WHEN c.lease_until IS NOT NULL THEN 'running' END,
            d.outcome::text, false
        FROM mq.messages m
        LEFT JOIN LATERAL (
            SELECT n.first_seq, n.consumer, n.lease_until FROM mq.claims n
            WHERE n.queue = m.queue AND n.lane = m.lane AND n.last_seq >= m.seq ORDER BY n.last_seq LIMIT 1) AS c
            ON c.first_seq <= m.seq
        LEFT JOIN mq.completions d ON d.queue = m.queue AND d.lane = m.lane AND d.seq = m.seq
        WHERE m.id = ANY ($1)
        UNION ALL
        SELECT 'deferred', queue, id, attempt, NULL, ticket, NULL, NULL, NULL, due_at <= clock_timestamp()
        FROM mq.deferred WHERE id = ANY ($1)
        UNION ALL
        SELECT 'dead', queue, id, attempts, NULL, ticket, NULL, NULL, NULL, reason = 'worker-lost'
        FROM mq.dead_letters WHERE id = ANY ($1)
        UNION ALL
        SELECT 'paused', id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true FROM mq.queues WHERE paused_at IS NOT NULL
        """
}
