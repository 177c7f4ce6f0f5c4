import TestSupport
import Testing

@testable import MessageQueue

@Suite("A step that has time to spare waits for nobody's company", .timeLimit(.minutes(10)))
struct LingeringTests {
    /// Bursts, so that each claim brings more than one, on a machine that other tests keep busy: how long a claim takes varies much.
    private static func bursts(_ step: any WorkerStep) async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.work([step]) { log in
                for round in 0..<150 {
                    try await bench.send(8, from: round * 8)
                    try await log.done((round + 1) * 8)
                }
                #expect(log.events.count { if case .lingered = $0 { true } else { false } } == 0)
                #expect(log.events.contains(.received("shoes", count: 8)), "or there was nothing to linger for")
            }
        }
    }

    @Test("bursts that are handled one by one make no claim of a step linger")
    func writing() async throws { try await Self.bursts(Lace()) }

    @Test("bursts that are handled one by one make neither a claim nor a commit of a preparing step linger")
    func preparing() async throws { try await Self.bursts(Polish { _ in }) }
}
