import Foundation
import Postgres
import ShoeShop

/// What happens on an open stage, from the first customer to the verdict.
extension ScenarioRun {
    func play(on stage: Stage) async throws -> RunRecord {
        try await stage.open()
        return try await Database.lend(to: stage.server.conninfo) { database in
            try await perform(on: stage, database)
        }
    }

    private func perform(on stage: Stage, _ database: Database) async throws -> RunRecord {
        var maker = WishMaker(scenario.customers, products: catalogue.products.map(\.sku.description), seed: seed)
        let wishes = try maker.wishes(for: Arrivals(of: scenario.load))
        let (customers, windows, samples) = (CustomerNotes(), WindowNotes(), SampleNotes())
        let startedAt = Date()
        let clock = StoryClock(start: .now, speed: speed)
        let sampler = Sampler(database: database, customers: customers, clock: clock) { [tell] sample in
            samples.note(sample)
            await tell(.sample(sample))
        }
        let director = Director(stage: stage, timeline: scenario.timeline, clock: clock, windows: windows) { [tell] in
            await tell(.event(at: clock.now, $0))
        }
        let (submittedAt, leftOver) = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sampler.run() }
            defer { group.cancelAll() }
            let submittedAt = try await playOut(wishes, customers, director, stage, clock)
            let leftOver = try await Rest(database: database).wait()
            return (submittedAt, leftOver)
        }
        let drainedAt = clock.now
        samples.note(await sampler.look())
        await tell(.event(at: clock.now, "all is done; auditing"))
        let judge = Judge(
            expectations: scenario.expectations, shop: shop, customers: customers.now, startedAt: startedAt,
            windows: windows.all, leftOver: leftOver)
        let verdict = try await judge.verdict(on: database) { try await stage.ledgers() }
        return RunRecord(
            scenario: scenario.name, teaches: scenario.teaches, story: scenario.story, shop: shop, seed: seed,
            speed: speed, startedAt: startedAt, machine: "\(machine), PostgreSQL \(try await version(of: database))",
            command: command,
            windows: windows.all, samples: samples.all, calls: customers.now.calls, submittedAt: submittedAt,
            drainedAt: drainedAt, expectations: verdict.findings, violations: verdict.violations,
            traces: verdict.traces, outcome: verdict.outcome)
    }

    private func version(of database: Database) async throws -> String {
        try await database.query("SHOW server_version") { try $0[0, as: String.self] }.first ?? ""
    }

    /// Customers and troubles at once.
    ///
    /// - Returns: when the last customer had an answer.
    private func playOut(
        _ wishes: [Wish], _ customers: CustomerNotes, _ director: Director, _ stage: Stage, _ clock: StoryClock
    ) async throws -> Double {
        try await ShopCalls.lend(to: stage.api) { calls in
            async let timeline: Void = director.play()
            let crowd = Crowd(
                wishes: wishes, patience: scenario.customers.patience.inSeconds, calls: calls, clock: clock,
                notes: customers)
            try await crowd.act()
            let submittedAt = clock.now
            try await timeline
            return submittedAt
        }
    }
}
