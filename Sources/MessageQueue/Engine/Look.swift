import Foundation
import Postgres

/// What somebody found who received by hand.
struct Look: Sendable {
    var messages: [ReceivedMessage]
    /// When nothing was there: how long until it is worth looking again; nil when a bell will ring.
    var next: Duration?
}

extension Broker {
    func look(into queue: QueueName, _ limit: Int, _ lease: Duration) async throws -> [ReceivedMessage] {
        try await inTurn.receive(from: entry(of: queue), limit: limit, lease: lease, with: self)
    }

    /// Takes messages; where none are, rescues those whose leases have ended, promotes those that are due, and takes these.
    func look(into entry: Catalogue.Entry, limit: Int, lease: Duration) async throws -> Look {
        let memory = memory(of: entry)
        let claimer = Claimer(consumer: Self.noConsumer, lease: lease, memory: memory)
        // Claims carry their lane's watermark, behind which nobody counts what is in flight.
        if memory.isFarBehind { _ = try await openPlaces(of: entry, noting: memory) }
        let first = try await take(entry, claimer, limit)
        if !first.messages.isEmpty { return Look(messages: try await told(first.messages, lease, of: entry)) }
        let leaseEnd = try await rescueEnded(openPlaces(of: entry, noting: memory), in: entry)
        let promotion = try await promote(entry, on: database)
        if promotion.moved > 0 {
            let second = try await take(entry, claimer, limit)
            if !second.messages.isEmpty { return Look(messages: try await told(second.messages, lease, of: entry)) }
        }
        return Look(messages: [], next: [first.wait, promotion.nextDue, leaseEnd].compactMap(\.self).min())
    }

    private func take(_ entry: Catalogue.Entry, _ claimer: Claimer, _ limit: Int) async throws -> Claim {
        while true {
            let claim = try await database.perform(isTransaction: entry.isLimited, within: nil) { session in
                try self.receive(entry, by: claimer, limit: min(limit, Self.largestClaim), in: session)
            }
            if !claim.messages.isEmpty || claim.foundNothing { return claim }
        }
    }

    /// Whoever waits for the queue, in any process, is to know when a lease ends that is over before he would look by himself.
    private func told(
        _ messages: [ReceivedMessage], _ lease: Duration, of entry: Catalogue.Entry
    ) async throws -> [ReceivedMessage] {
        if lease < Doorbell.horizon { doorbell.ring([entry.id]) }
        let again = messages.filter { $0.attempt > 1 }.map(\.message.id)
        if again.isEmpty { return messages }
        let firsts = try await firstReceived(again, of: entry)
        return messages.map { $0.attempt > 1 ? $0.firstReceived(at: firsts[$0.message.id] ?? nil) : $0 }
    }

    /// When the first attempt of each was received.
    func firstReceived(_ messages: [MessageID], of entry: Catalogue.Entry) async throws -> [MessageID: Date?] {
        let rows = try await database.query(Self.firstReceived, entry.id, messages.map(\.uuid)) { row in
            (MessageID(try row[0]), try row[1, as: Date?.self])
        }
        return Dictionary(rows) { first, _ in first }
    }

    /// Whether a look that found nothing may have passed over something, since others had it in their hands: lanes that they claim from,
    /// and messages that are due and that they promote. What they leave of it rings nobody. Of a queue with limits only the latter: who
    /// claims from it waits for whoever else does.
    func hasMore(_ entry: Catalogue.Entry) async throws -> Bool {
        try await database.read(Self.hasMore, entry.id, !entry.isLimited) { try $0[0, as: Bool.self] }.first ?? false
    }

    /// Leases that have ended, and scheduled messages that are due: whether there is anything to take now.
    func bringBack(_ entry: Catalogue.Entry, _ memory: ClaimMemory) async throws -> Bool {
        _ = try await rescueEnded(openPlaces(of: entry, noting: memory), in: entry)
        return try await promote(entry, on: database).moved > 0
    }

    /// Consumers are processes with a connection of their own; what is taken by hand belongs to none.
    private static let noConsumer: Int64 = 0

    /// By the index (queue, due_at), and of each lane as `mq.take_lanes` finds those that have something to claim, with no lock. As
    /// whoever claims it locks the head's messages before its claims, for the sake of `mq.advance_head`.
    static let hasMore: Statement = """
        SELECT EXISTS (SELECT FROM mq.scheduled s WHERE s.queue = $1 AND s.due_at <= now()) OR ($2::boolean AND EXISTS (
            SELECT FROM mq.lanes l JOIN mq.queues q ON q.id = l.queue
            WHERE l.queue = $1 AND q.paused_at IS NULL AND (
                EXISTS (SELECT FROM mq.head_messages m WHERE m.queue = l.queue AND m.lane = l.lane AND m.seq >
                    coalesce((SELECT c.last_seq FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane
                              ORDER BY c.last_seq DESC LIMIT 1), 0))
                OR (l.floor_seq < l.closed_seq AND (
                    SELECT c.last_seq FROM mq.head_claims c WHERE c.queue = l.queue AND c.lane = l.lane
                    ORDER BY c.last_seq DESC LIMIT 1) IS NULL))
                AND (q.key_order IS NULL OR NOT mq.is_open(l.queue, l.lane))))
        """

    /// By the messages' index on ids alone. With that on places, which begins with the queue, a planner without
    /// statistics would narrow down what it finds, and so read the whole queue's for each message (`+ 0` keeps it from
    /// that). Of each attempt since the newest first one its claim, by the claims' primary key.
    static let firstReceived: Statement = """
        SELECT w.id, (
            SELECT min(c.claimed_at) FROM mq.messages m CROSS JOIN LATERAL (
                SELECT n.claimed_at, n.first_seq FROM mq.claims n WHERE n.queue = m.queue AND n.lane = m.lane AND n.last_seq >= m.seq
                ORDER BY n.last_seq LIMIT 1) AS c
            WHERE m.id = w.id AND m.queue + 0 = $1 AND c.first_seq <= m.seq AND m.appended_at >= coalesce((
                SELECT max(f.appended_at) FROM mq.messages f WHERE f.id = w.id AND f.queue + 0 = $1 AND f.attempt = 1), '-infinity'))
        FROM unnest($2::uuid[]) AS w(id)
        """
}
