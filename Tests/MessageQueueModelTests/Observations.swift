import Foundation
import Postgres
import TestSupport

@testable import MessageQueue

/// What the scheduler makes of what it sees.
extension Scheduler {
    /// After a commit, or what may have been one.
    func observe(after client: Client) async throws {
        let mayHaveWritten = runs[client.number]?.hasWritten ?? true
        runs[client.number]?.hasWritten = false
        let after = mayHaveWritten ? try await look() : snapshot
        let change = Change(from: snapshot, to: after)
        defer { snapshot = after }
        if client.position == .idle {
            try end(client, after: change, to: after)
        } else {
            goOn(client, after: change, to: after)
        }
        if change.isAboutQueues { try await tellSettings() }
    }

    private func goOn(_ client: Client, after change: Change, to after: Snapshot) {
        guard let run = runs[client.number] else { return }
        judge(run, change, from: snapshot, to: after, nil)
        runs[client.number]?.claimed += change.delivered
        runs[client.number]?.moved += change.appended.count + change.hastened.count
    }

    /// A command that ended without a commit: by an error.
    func fail(_ client: Client) async throws {
        try end(client)
    }

    func end(_ client: Client) throws {
        try end(client, after: Change(from: snapshot, to: snapshot), to: snapshot)
    }

    private func end(_ client: Client, after change: Change, to after: Snapshot) throws {
        guard let run = runs.removeValue(forKey: client.number), let outcome = client.takeOutcome() else { return }
        switch outcome {
        case .success(let answer):
            judge(run, change, from: snapshot, to: after, outcome)
            judge(answer, of: run, change)
            remember(run, change, answer, client)
            accounts.acknowledged += run.command.sendsAtOnce ? change.arrived : run.command.names
        case .failure(let error):
            note("\(client.number) fails: \(String(describing: error).prefix(100))")
            if !isExpected(error, of: run) { report("\(run.command) failed: \(error)") }
            if change.isEmpty { return }
            if run.isKilled {
                // The answer was lost, not the commit.
                judge(run, change, from: snapshot, to: after, nil)
                remember(run, change, .nothing, client)
            } else {
                report("\(run.command) failed, and changed \(change.parts)")
            }
        }
    }

    private func judge(
        _ run: Run, _ change: Change, from before: Snapshot, to after: Snapshot,
        _ outcome: Result<Command.Answer, any Error>?
    ) {
        // Who is in the middle of something may have looked at the settings at any moment since it began.
        let findings = run.setups.map { setup in
            Model(of: run, from: before, to: after, change, outcome, in: facts.with(setup)).contradictions
        }
        if findings.allSatisfy({ !$0.isEmpty }) { for contradiction in findings.last ?? [] { report(contradiction) } }
        if change.isAboutQueues { follow(run.command, change) }
        // What is deleted with its queue is handled by nobody.
        accounts.handled += before.unfinished(of: change.deleted)
        // What an operator purges is handled by nobody, and takes nothing of the rate.
        for (place, claim) in change.claimed
        where claim.consumer >= 0 && facts.queue(of: place.queue)?.limits.rate != nil {
            facts.paced[place.queue, default: 0] += 1
        }
        if run.command.sendsAtOnce { accounts.attempted += change.arrived }
        countPurged(by: run.command, change)
        countCancelled(by: run.command, change)
        accounts.handled +=
            (change.finished.filter { Outcome.ends.contains($0.value) }.compactMap { snapshot.log[$0.key]?.name })
    }

    /// What only its answer can be compared with: what was read, not changed.
    private func judge(_ answer: Command.Answer, of run: Run, _ change: Change) {
        switch (answer, run.command) {
        case (.received(let messages), .receiveByHand):
            let places = Set(run.claimed).union(change.delivered)
            if Set(messages.map(\.receipt)) != places { report("told \(messages.map(\.receipt)), claimed \(places)") }
        case (.waiting(let told), .peek(let queue, let limit)) where !run.wasBlocked:
            let findings = run.setups.map { setup in
                run.peeked?.contradictions(of: told, in: setup.known(queue), limit) ?? []
            }
            if findings.allSatisfy({ !$0.isEmpty }) { for what in findings.last ?? [] { report(what) } }
        case (.openPlaces(let told), .openPlaces(let queue, _)) where !run.wasBlocked:
            for what in run.view.contradictions(of: told, in: queue.id) { report(what) }
        case (.statistics(let all), _) where !run.wasBlocked:
            for what in run.view.contradictions(of: all, in: facts.queues, purged: run.purged) { report(what) }
        default: break
        }
    }

    private func remember(_ run: Run, _ change: Change, _ answer: Command.Answer, _ client: Client) {
        switch (run.command, answer) {
        case (.finish(_, let number), _): effects.insert(number)
        case (.sendOnce(_, let queue, let key), _): facts.keys.insert("\(queue.id) \(key)")
        case (.sendUnderName(_, let queue, let request), _):
            remember(request, of: "\(queue.id)", answer, seeing: change)
        case (.publishUnderName(_, let request), _):
            remember(request, of: World.topic.name.text, answer, seeing: change)
        case (.purge(let queue), _):
            purged[queue.id, default: 0] += change.risen.count
            accounts.handled += change.risen.map(\.name)
        case (_, .received(let messages)): generator.keep(messages, of: client.number)
        case (_, .scheduled(let messages)): generator.keep(messages)
        case (_, .half(let receipt)): generator.keep([receipt])
        case (_, .halves(let told)): generator.keep(told.map(\.receipt))
        case (_, .visible(let visibility)): generator.keep(visibility.receipt)
        case (.openPlaces(let queue, _), .openPlaces(let told)):
            generator.keep(told, of: queue.id, by: client.number)
        default: break
        }
    }

    private func remember(
        _ request: Command.Request, of owner: String, _ answer: Command.Answer, seeing change: Change
    ) {
        switch answer {
        case .sentOnce(.refused): break
        case .sentOnce(.stored(let ids)), .sentOnce(.repeated(let ids)):
            facts.requests["\(owner) name \(request.name)"] = .init(
                fingerprint: request.fingerprint, ids: ids.map(\.uuid), areInOrder: true)
        default:
            let ids = Set(change.arrived.map(\.id))
            facts.requests["\(owner) name \(request.name)"] = .init(
                fingerprint: request.fingerprint, ids: Array(ids), areInOrder: false)
        }
    }

    private func isExpected(_ error: any Error, of run: Run) -> Bool {
        if run.isRolledBack, error is Client.RolledBack { return true }
        if case QueueError.leaseLost = error {
            if case .changeVisibility(let receipt, _) = run.command { return !snapshot.isGood(receipt) }
            return run.command.receipts.contains { snapshot.log[$0.receipt]?.isOpen != true }
        }
        if case QueueError.unknownSubscription = error, case .changeSubscription(let queue, _) = run.command {
            return run.setups.contains { $0.queue(of: queue.id)?.tags == [] }
        }
        if isAboutGoneSpare(error, of: run) { return true }
        guard let error = error as? PostgresError else { return false }
        if run.isKilled { return error.isConnectionTrouble }
        if isAboutDeletion(error) { return true }
        if case .retire = run.command { return ["55P03", "40P01"].contains(error.sqlState) }
        // Two who finish the same places by several statements each may meet in opposite orders.
        return error.sqlState == "40P01" && (run.wasBlocked || !blocked.isEmpty)
    }
}
