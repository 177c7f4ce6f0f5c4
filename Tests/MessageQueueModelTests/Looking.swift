import Benchmarks
import Foundation
import Postgres
import TestSupport

@testable import MessageQueue

/// What the stage makes of what it sees.
extension Stage {
    /// After a commit, or what may have been one.
    func look(after player: Player) async throws {
        let mayHaveWritten = runs[player.number]?.hasWritten ?? true
        runs[player.number]?.hasWritten = false
        let after = mayHaveWritten ? try await Snapshot.take(of: imagination.ids, on: world.database) : snapshot
        let change = Change(from: snapshot, to: after)
        defer { snapshot = after }
        if player.stand == .idle { return try end(player, after: change, to: after) }
        guard let run = runs[player.number] else { return }
        judge(run, change, from: snapshot, to: after, nil)
        runs[player.number]?.claimed += change.delivered
        runs[player.number]?.moved += change.appended.count
    }

    /// A deed that ended without a commit: by an error.
    func fail(_ player: Player) async throws {
        try end(player)
    }

    func end(_ player: Player) throws {
        try end(player, after: Change(from: snapshot, to: snapshot), to: snapshot)
    }

    private func end(_ player: Player, after change: Change, to after: Snapshot) throws {
        guard let run = runs.removeValue(forKey: player.number), let outcome = player.takeOutcome() else { return }
        switch outcome {
        case .success(let answer):
            judge(run, change, from: snapshot, to: after, outcome)
            judge(answer, of: run, change)
            remember(run, change, answer, player)
            if case .sendOnce = run.deed {
                books.acknowledged += change.appended.values.map(\.name) + change.deferred.map(\.name)
            } else {
                books.acknowledged += run.deed.names(in: facts.lines)
            }
        case .failure(let error):
            note("\(player.number) fails: \(String(describing: error).prefix(100))")
            if !isExpected(error, of: run) { report("\(run.deed) failed: \(error)") }
            if change.isEmpty { return }
            if run.isKilled {
                // The answer was lost, not the commit.
                judge(run, change, from: snapshot, to: after, nil)
                remember(run, change, .nothing, player)
            } else {
                report("\(run.deed) failed, and changed \(change.parts)")
            }
        }
    }

    private func judge(
        _ run: Run, _ change: Change, from before: Snapshot, to after: Snapshot,
        _ outcome: Result<Deed.Answer, any Error>?
    ) {
        let scene = Scene(of: run, from: before, to: after, change, outcome, in: facts)
        for contradiction in scene.contradictions { report(contradiction) }
        for place in change.claimed.keys where facts.line(of: place.queue)?.limits.rate != nil {
            facts.paced[place.queue, default: 0] += 1
        }
        books.handled +=
            (change.finished.filter { $0.value == Outcome.done.rawValue }.compactMap { snapshot.log[$0.key]?.name })
    }

    /// What only its answer can be compared with: what was read, not changed.
    private func judge(_ answer: Deed.Answer, of run: Run, _ change: Change) {
        switch (answer, run.deed) {
        case (.received(let messages), .receiveByHand):
            let places = Set(run.claimed).union(change.delivered)
            if Set(messages.map(\.receipt)) != places { report("told \(messages.map(\.receipt)), claimed \(places)") }
        case (.settlement(let settlement), .settle(let line, _)) where !run.wasBlocked:
            for what in run.view.contradictions(of: settlement, in: line.id) { report(what) }
        case (.statistics(let all), _) where !run.wasBlocked:
            for what in run.view.contradictions(of: all, in: facts.lines, purged: run.purged) { report(what) }
        default: break
        }
    }

    private func remember(_ run: Run, _ change: Change, _ answer: Deed.Answer, _ player: Player) {
        switch (run.deed, answer) {
        case (.finish(_, let number), _): effects.insert(number)
        case (.sendOnce(_, let line, let key), _): facts.keys.insert("\(line.id) \(key)")
        case (.purge(let line), _):
            purged[line.id, default: 0] += change.risen.count
            books.handled += change.risen.map(\.name)
        case (_, .received(let messages)): imagination.keep(messages, of: player.number)
        case (.settle(let line, _), .settlement(let settlement)):
            imagination.keep(settlement.settled, of: line.id, by: player.number)
        default: break
        }
    }

    private func isExpected(_ error: any Error, of run: Run) -> Bool {
        if run.isRegretted, error is Player.Regret { return true }
        if case QueueError.leaseLost = error {
            return run.deed.receipts.contains { snapshot.log[$0.receipt]?.isOpen != true }
        }
        guard let error = error as? PostgresError else { return false }
        if run.isKilled { return error.isConnectionTrouble }
        if case .retire = run.deed { return ["55P03", "40P01"].contains(error.sqlState) }
        // Two who finish the same places by several statements each may meet in opposite orders.
        return error.sqlState == "40P01" && (run.wasBlocked || !blocked.isEmpty)
    }
}
