import Postgres

@testable import MessageQueue

/// The model of queues and subscriptions that are changed while they are in use.
extension Model {
    func changeQueue(_ queue: World.ModelQueue, _ attempts: Int, _ delay: Duration) {
        onlySettings(of: queue)
        guard case .settings(let told)? = answer else { return }
        demand(told.retry.attempts == attempts && told.delay == delay, "told \(told)")
        let now = after.settings[queue.id]
        demand(now?.attempts == attempts && now?.delay == delay, "\(queue.name) is \(now.map { "\($0)" } ?? "gone")")
    }

    func changeSubscription(of queue: World.ModelQueue, to tags: [String]) {
        subscribe(queue, to: tags)
        if case .subscription(let told)? = answer { demand(told.tags == tags, "told \(told)") }
    }

    func subscribe(_ queue: World.ModelQueue, to tags: [String]) {
        onlySettings(of: queue)
        // Who finds nothing to change keeps nobody from ending it.
        guard answer != nil, isAlone || !change.isEmpty else { return }
        let filter = after.settings[queue.id]?.filter
        demand(filter == tags.joined(separator: ","), "\(queue.name) hears \(filter ?? "nothing")")
    }

    func unsubscribe(_ queue: World.ModelQueue) {
        onlySettings(of: queue)
        guard case .count(let count)? = answer else { return }
        demand(count == change.reset.count, "told \(count), changed \(change.reset)")
        let isDeaf = after.settings[queue.id]?.filter == nil
        demand(isDeaf || count == 0 && !isAlone, "\(queue.name) hears something still")
    }

    /// Of one queue; what is in it stays as it is.
    private func onlySettings(of queue: World.ModelQueue) {
        only([.settings])
        demand(change.reset.allSatisfy { $0 == queue.id }, "changed \(change.reset)")
    }
}

extension Scheduler {
    /// Whoever begins from now on goes by what was changed.
    func follow(_ command: Command, _ change: Change) {
        facts.setup.change(by: command)
        if !change.deleted.isEmpty { facts.setup.spare = nil }
        if let number = change.created.first { facts.setup.spare = World.spare(number) }
        facts.formerSpares.formUnion(change.deleted)
        for number in runs.keys { runs[number]?.setups.append(facts.setup) }
    }

    /// Everybody notices, as workers do by their heartbeats.
    func tellSettings() async throws {
        for broker in clients.compactMap(\.incarnation?.broker) + [world.janitor] {
            _ = try await broker.entries(of: [], on: world.database)
        }
    }

    /// As they were at the beginning, for the next history.
    func restoreSettings() async throws {
        guard facts.setup.isChanged else { return }
        for queue in world.queues {
            try await world.janitor.change(queue: queue.name) { entry in
                entry.settings.retry.attempts = queue.attempts
                entry.settings.delay = queue.delay
            }
            try await world.janitor.subscribe(queue.name, to: World.topic.name, tags: queue.tags)
        }
        try await tellSettings()
    }
}
