import Foundation
import Postgres
import Synchronization

extension Broker {
    /// Sets what all workers of a queue together may not exceed; ``QueueLimits/none`` takes the limits away.
    ///
    /// - Throws: ``QueueError/unknownQueue(_:)``, ``QueueError/invalidSettings(_:)``.
    public func limit(_ queue: QueueName, to limits: QueueLimits) async throws {
        try limits.check()
        let deed = Deed(.limit, queue, limits.detail)
        let id = try await database.write { session in
            let ids = try session.query(
                Self.setLimits, queue.text, limits.concurrency.map(Int32.init(clamping:)), limits.rate,
                limits.burst.map(Int32.init(clamping:))
            ) { row in try row[0, as: Int32.self] }
            guard let id = ids.first else { throw QueueError.unknownQueue(queue) }
            try self.record(deed, in: session)
            return id
        }
        doorbell.ring([id])
        await flush()
    }

    /// How much may be claimed now, in the transaction that claims, which must be a block.
    ///
    /// Takes the queue's claim lock until the transaction ends. Whoever claims from this queue does, so what is counted here
    /// can only become less meanwhile. Costs a look at each run of places that was open at the last claim, at the claims since,
    /// and at what was finished in them; never a look at the backlog.
    func allowance(
        of entry: Catalogue.Entry, upTo limit: Int, memory: ClaimMemory, in session: borrowing Session
    ) throws -> Allowance {
        session.pipeline(Self.lockFlow, entry.id)
        let known = memory.open.withLock { $0 }
        let lanes = try Self.flow(
            of: entry.id, since: known, countingPlaces: entry.limits.concurrency != nil, in: session)
        memory.open.withLock { $0 = OpenPlaces(lanes) }
        return Allowance(of: entry.limits, limit: limit, lanes)
    }

    /// Written with a claim: from when on it takes how long for each message.
    struct Pacing: Sendable {
        let from: Date
        /// In seconds.
        let interval: Double
    }

    /// What one claim may take.
    struct Allowance {
        let places: Int
        /// Until it is worth asking again; nil when a bell will ring.
        let wait: Duration?
        let pacing: Pacing?

        init(of limits: QueueLimits, limit: Int, _ lanes: [LaneFlow]) {
            let open = lanes.reduce(0) { $0 + $1.open.reduce(0) { $0 + $1.count } }
            let free = limits.concurrency.map { max(0, $0 - open) } ?? limit
            let now = lanes.first?.now ?? Date()
            // Of a slower rate that was set before, no more than this one could owe.
            let latest = limits.pace.map { now + Double($0.burst) / $0.rate } ?? now
            let pacedUntil = min(lanes.compactMap(\.pacedUntil).max() ?? now, latest)
            let passing = limits.pace?.allowance(pacedUntil: pacedUntil, now: now)
            pacing = limits.pace.map { Pacing(from: max(pacedUntil, now), interval: 1 / $0.rate) }
            places = min(limit, free, passing?.places ?? limit)
            wait = free > 0 ? passing?.wait : nil
        }
    }

    /// Beyond the number of any lane.
    static let lockFlow: Statement = "SELECT pg_advisory_xact_lock(mq.lock_class() + $1, 1000)"

    static let setLimits: Statement = """
        UPDATE mq.queues SET (concurrency_limit, rate_limit, burst, changed_at) = ($2, $3, $4, now()) WHERE name = $1 RETURNING id
        """
}

extension QueueLimits {
    /// As it is recorded.
    fileprivate var detail: [String: String?] {
        ["concurrency": concurrency.map { "\($0)" }, "rate": rate.map { "\($0)" }, "burst": burst.map { "\($0)" }]
    }
}
