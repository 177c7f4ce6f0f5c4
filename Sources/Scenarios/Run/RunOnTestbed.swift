import Durations
import Foundation
import Postgres
import ShoeShop

/// A run on a testbed, from the first customer to the verdict.
extension ScenarioRun {
    func play(on testbed: Testbed) async throws -> RunRecord {
        try await testbed.open()
        return try await Database.lend(to: testbed.server.conninfo) { database in
            try await perform(on: testbed, database)
        }
    }

    private func perform(on testbed: Testbed, _ database: Database) async throws -> RunRecord {
        var maker = WishMaker(scenario.customers, products: catalogue.products.map(\.sku.description), seed: seed)
        let wishes = try maker.wishes(for: Arrivals(of: scenario.load))
        let notes = RunNotes()
        let clock = StoryClock(start: .now, speed: speed)
        let sampler = Sampler(database: database, customers: notes.customers, clock: clock) { [tell] sample in
            notes.samples.note(sample)
            await tell(.sample(sample))
        }
        let timeline = TimelineRun(
            testbed: testbed, entries: scenario.timeline, clock: clock, windows: notes.windows,
            forgotten: notes.forgotten
        ) { [tell] in
            await tell(.event(at: clock.now, $0))
        }
        let (submittedAt, leftOver) = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sampler.run() }
            defer { group.cancelAll() }
            let submittedAt = try await playOut(wishes, notes.customers, timeline, testbed, clock)
            let leftOver = try await Rest(database: database).wait()
            return (submittedAt, leftOver)
        }
        let drainedAt = clock.now
        notes.samples.note(await sampler.look())
        await tell(.event(at: clock.now, "all is done; auditing"))
        let judge = notes.judge(scenario.expectations, of: shop, leaving: leftOver)
        let forgotten = notes.forgotten.all
        let verdict = try await judge.verdict(on: database) { try await testbed.ledgers().without(forgotten) }
        return RunRecord(
            scenario: scenario.name, teaches: scenario.teaches, story: scenario.story, shop: shop, seed: seed,
            speed: speed, startedAt: notes.startedAt,
            machine: "\(machine), PostgreSQL \(try await version(of: database))", command: command,
            windows: notes.windows.all, samples: notes.samples.all, calls: notes.customers.now.calls,
            submittedAt: submittedAt, drainedAt: drainedAt, expectations: verdict.findings,
            violations: verdict.violations, traces: verdict.traces, outcome: verdict.outcome)
    }

    private func version(of database: Database) async throws -> String {
        try await database.query("SHOW server_version") { try $0[0, as: String.self] }.first ?? ""
    }

    /// Customers and troubles at once.
    ///
    /// - Returns: when the last customer had an answer.
    private func playOut(
        _ wishes: [Wish], _ customers: CustomerNotes, _ timeline: TimelineRun, _ testbed: Testbed, _ clock: StoryClock
    ) async throws -> Double {
        try await ShopCalls.lend(to: testbed.api) { calls in
            async let troubles: Void = timeline.run()
            let crowd = Crowd(
                wishes: wishes, patience: scenario.customers.patience.inSeconds, calls: calls, clock: clock,
                notes: customers)
            try await crowd.run()
            let submittedAt = clock.now
            try await troubles
            return submittedAt
        }
    }
}
