import Postgres

@testable import MessageQueue

/// The model of a queue that is deleted and made anew: whatever is of its former numbers is gone for good.
extension Model {
    func deleteQueue() {
        only([.deleted])
        let spare = world.setup.spare?.id
        demand(change.deleted.allSatisfy { $0 == spare }, "deleted \(change.deleted)")
        guard case .count(let count)? = answer else { return }
        demand(count == change.deleted.count, "told \(count), deleted \(change.deleted)")
        demand(!isAlone || (count == 1) == (spare != nil), "told \(count), and it was \(spare ?? 0)")
    }

    func createQueue() {
        only([.created])
        let known = world.formerSpares.intersection(change.created)
        demand(known.isEmpty, "made with the number that one before had: \(known)")
        guard case .count(let count)? = answer else { return }
        demand(count == change.created.count, "told \(count), made \(change.created)")
        demand(!isAlone || (count == 1) == (world.setup.spare == nil), "told \(count)")
    }
}

extension Scheduler {
    /// Each history begins with it.
    func makeSpare() async throws {
        let isNew = try await world.janitor.create(queue: World.spareName, World.spareSettings)
        let entries = try await world.janitor.entries(of: [World.spareName], on: world.database)
        facts.setup.spare = entries.first.map { World.spare($0.id) }
        if isNew { try await tellSettings() }
    }

    /// Whoever goes by the name finds nothing, or gives up what was outdated too often, if it was gone in the meantime.
    func isAboutGoneSpare(_ error: any Error, of run: Run) -> Bool {
        guard run.command.isAboutSpare, run.setups.contains(where: { $0.spare == nil }) else { return false }
        let isMissing = error as? QueueError == .unknownQueue(World.spareName)
        return isMissing || (error as? PostgresError)?.isOutdated == true
    }

    /// Who is in the middle of finishing what is in the spare queue often meets its deletion: by chance that is rare.
    func meetsDeletion(_ move: Move) -> Bool {
        guard move.seed.isMultiple(of: 3), let spare = facts.setup.spare else { return false }
        return runs.values.contains { $0.command.finishes(in: spare.id) }
    }

    /// Who has written something and finishes messages of a queue that is just being deleted is told to try again.
    func isAboutDeletion(_ error: PostgresError) -> Bool { error.sqlState == "55P03" && isDeleting }

    private var isDeleting: Bool {
        runs.values.contains { run in
            if case .deleteQueue = run.command { true } else { false }
        }
    }

    /// Whoever opens a segment holds locks that nobody can look past, and so does who deletes a queue, or stands in line for it.
    ///
    /// - Returns: whether they are gone; not when the history is over, since a contradiction was found.
    func letLocksPass() async throws -> Bool {
        try await letRetirePass(nil)
        if isDeleting { try await finishAll() }
        return contradictions.isEmpty
    }
}
