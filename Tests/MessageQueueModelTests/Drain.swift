import Benchmarks
import Postgres
import TestSupport

@testable import MessageQueue

/// The end of a history: all that was acknowledged is still there, and can be delivered.
extension Stage {
    /// Nobody is in the middle of anything: the books have to balance, to the last row.
    func audit(_ moment: String) async throws {
        snapshot = try await Snapshot.take(of: imagination.ids, on: world.database)
        for what in try await EngineAudit.contradictions(on: world.database) { report("\(what) \(moment)") }
        let statistics = try await world.janitor.statistics()
        for what in snapshot.contradictions(of: statistics, in: facts.lines, purged: purged) {
            report("\(what) \(moment)")
        }
        let left = try await world.database.query("SELECT deed FROM effect") { try $0[0, as: Int.self] }
        if left.count != effects.count || Set(left) != effects {
            report("effects of \(left.sorted()), finished were \(effects.sorted())")
        }
    }

    /// Gives everything back and completes it, then compares what was sent with what came out.
    func drain() async throws {
        for line in facts.lines { try await world.janitor.resume(line.name) }
        let paced = facts.lines.filter { $0.limits.rate != nil }
        for line in paced { try await world.janitor.limit(line.name, to: .none) }
        for _ in 0..<30 where !isEmpty {
            try await endDeferrals()
            try await endLeases()
            for line in facts.lines { try await drain(line) }
            snapshot = try await Snapshot.take(of: imagination.ids, on: world.database)
        }
        if !isEmpty { report("could not be drained: \(snapshot.whereabouts.filter { $0.value != ["done"] })") }
        for line in paced { try await world.janitor.limit(line.name, to: line.limits) }
        try await audit("after draining")
        books.handled += snapshot.dead.values.map(\.name)
        let check = books.check
        if !check.isFaultless || check.duplicated > 0 { report("\(check): \(check.faults)") }
        try await cleanUp()
    }

    private var isEmpty: Bool {
        snapshot.deferred.isEmpty && snapshot.held.isEmpty && snapshot.blocked.isEmpty
            && snapshot.log.values.allSatisfy { $0.outcome != nil }
    }

    private func drain(_ line: World.Line) async throws {
        let entry = try line.entry(of: world.janitor)
        _ = try await world.janitor.rescue(entry, from: (facts.lost.union(facts.living)).sorted(), settled: [])
        for (key, block) in snapshot.blocked where key.queue == line.id && block.retry == .never {
            try await world.janitor.retryBlocked(line.name, key: key.text)
        }
        _ = try await world.janitor.promote(entry, on: world.database)
        let messages = try await world.janitor.receive(line.name, limit: 100, lease: Deed.later)
        if messages.isEmpty { return }
        try await world.janitor.complete(messages)
        books.handled += messages.map { Name(queue: line.id, id: $0.message.id.uuid) }
    }

    /// For the next history.
    private func cleanUp() async throws {
        _ = try await world.janitor.purge()
        try await world.database.execute(Broker.endConsumers, facts.lost.sorted())
        try await world.database.execute("DELETE FROM effect")
        if !facts.paced.isEmpty {
            try await world.database.execute("UPDATE mq.claims SET paced_until = NULL")
            try await world.database.execute("UPDATE mq.lanes SET paced_until = NULL")
        }
        if Int.random(in: 0..<8) == 0 { try await world.janitor.retire(.init(keep: .zero, rotate: .zero)) }
    }
}
