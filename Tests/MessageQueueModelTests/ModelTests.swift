import Foundation
import Postgres
import Testing

@testable import MessageQueue

/// Runs histories that follow from seeds, in several worlds at a time.
///
/// `MODEL_SEED=n` runs history n again, and shows it; `MODEL_HISTORIES=n` runs so many fresh ones, and `MODEL_FOR=8h`
/// goes on for so long.
@Suite("The engine does what its model says")
struct ModelTests {
    @Test(
        "random histories of all verbs agree with the model, with kills, rollbacks, expiries and sessions that stop between statements"
    )
    func histories() async throws {
        let plan = try Plan.fromEnvironment()
        let start = ContinuousClock.now
        let count = try await ModelChecker.check(plan)
        let seconds = start.duration(to: .now) / .seconds(1)
        print("model: \(count) histories agree, \(plan); \(Int(seconds)) s")
    }

    @Test("a broken engine contradicts the model", arguments: Mutant.all)
    func broken(mutant: Mutant) async throws {
        let histories = (0..<500).map { History(seed: $0) }
        let found = await #expect(throws: Contradiction.self) {
            try await ModelChecker.run(histories, world: mutant.world) { try await $0.script(mutant.sql) }
        }
        if let found {
            #expect(found.isComplete, "it broke off: \(found)")
            print("mutant: \(mutant.testDescription): history \(found.seed + 1): \(found.contradictions.first ?? "")")
        }
    }
}
