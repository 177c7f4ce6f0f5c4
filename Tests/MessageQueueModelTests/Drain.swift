import DeliveryCheck
import Postgres
import TestSupport

@testable import MessageQueue

/// The end of a history: all that was acknowledged is still there, and can be delivered.
extension Scheduler {
    /// Nobody is in the middle of anything: the accounts have to balance, to the last row.
    func audit(_ moment: String) async throws {
        snapshot = try await look()
        for what in try await EngineAudit.contradictions(on: world.database) { report("\(what) \(moment)") }
        let statistics = try await world.janitor.statistics()
        for what in snapshot.contradictions(of: statistics, in: facts.queues, purged: purged) {
            report("\(what) \(moment)")
        }
        let left = try await world.database.query("SELECT command FROM effect") { try $0[0, as: Int.self] }
        if left.count != effects.count || Set(left) != effects {
            report("effects of \(left.sorted()), finished were \(effects.sorted())")
        }
    }

    /// Gives everything back and completes it, then compares what was sent with what came out.
    func drain() async throws {
        for queue in facts.queues { try await world.janitor.resume(queue.name) }
        let dropped = snapshot.outdated
        let paced = facts.queues.filter { $0.limits.rate != nil }
        for queue in paced { try await world.janitor.limit(queue.name, to: .none) }
        for _ in 0..<30 where !isEmpty {
            try await makeScheduledDue()
            try await endLeases()
            try await rollBackHalves()
            for queue in facts.queues + [facts.setup.spare].compactMap(\.self) { try await drain(queue) }
            snapshot = try await look()
        }
        if !isEmpty { report("could not be drained: \(snapshot.whereabouts.filter { $0.value != ["done"] })") }
        for queue in paced { try await world.janitor.limit(queue.name, to: queue.limits) }
        try await audit("after draining")
        accounts.handled += snapshot.dead.values.map(\.name)
        accounts.handled += snapshot.outdated.subtracting(dropped).compactMap { snapshot.log[$0]?.name }
        let check = accounts.check
        if !check.isFaultless || check.duplicated > 0 { report("\(check): \(check.faults)") }
        try await cleanUp()
    }

    private var isEmpty: Bool {
        snapshot.halves.isEmpty && snapshot.scheduled.isEmpty && snapshot.held.isEmpty && snapshot.blocked.isEmpty
            && snapshot.log.values.allSatisfy { $0.outcome != nil }
    }

    private func drain(_ queue: World.ModelQueue) async throws {
        let entry = try queue.entry(of: world.janitor)
        _ = try await world.janitor.rescue(entry, from: (facts.lost.union(facts.living)).sorted(), beyond: [])
        for (key, block) in snapshot.blocked where key.queue == queue.id && block.retry == .never {
            try await world.janitor.retryBlocked(queue.name, key: key.text)
        }
        _ = try await world.janitor.promote(entry, on: world.database)
        let messages = try await world.janitor.receive(queue.name, limit: 100, lease: Command.later)
        if messages.isEmpty { return }
        try await world.janitor.complete(messages)
        accounts.handled += messages.map { Name(queue: queue.id, id: $0.message.id.uuid) }
    }

    /// For the next history.
    private func cleanUp() async throws {
        _ = try await world.janitor.purge()
        try await restoreSettings()
        try await world.database.execute(Broker.endConsumers, facts.lost.sorted())
        try await world.database.execute("DELETE FROM effect")
        try await world.database.execute("DELETE FROM mq.sent_keys")
        try await world.database.execute("DELETE FROM mq.published_keys")
        if !facts.paced.isEmpty {
            try await world.database.execute("UPDATE mq.claims SET paced_until = NULL")
            try await world.database.execute("UPDATE mq.lanes SET paced_until = NULL")
        }
        // What a world has gone through decides what the next history meets, so this follows from the seed as well.
        var dice = Dice(~seed)
        if Int.random(in: 0..<8, using: &dice) == 0 {
            try await world.janitor.retire(.init(keep: .zero, rotate: .zero))
        }
    }
}

extension Snapshot {
    fileprivate var outdated: Set<Receipt> {
        Set(log.filter { $0.value.outcome == Outcome.outdated.rawValue }.keys)
    }
}

extension Outcome {
    /// After which a message is nowhere, as it should be.
    static let ends = [done, outdated, purged].map(\.rawValue)
}
