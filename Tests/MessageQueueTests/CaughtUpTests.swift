import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A step that has caught up waits for a ring instead of claiming again", .timeLimit(.minutes(10)))
struct CaughtUpTests {
    @Test(
        "a claim has caught up when it brought few messages and could have brought more",
        arguments: [(0, 10, false), (1, 10, true), (3, 10, true), (4, 10, false), (3, 3, false), (1, 1, false)])
    func claims(brought: Int, limit: Int, hasCaughtUp: Bool) async throws {
        try await Bench.with { bench in
            if brought > 0 { try await bench.send(brought) }
            let messages = try await bench.receive(limit)
            #expect(messages.count == brought)
            #expect(Broker.Claim(messages: messages).hasCaughtUp(askingFor: limit) == hasCaughtUp)
            #expect(!Broker.Claim(messages: messages, isIncomplete: true).hasCaughtUp(askingFor: limit))
        }
    }

    @Test("messages that wait in three segments are handled one after the other, though none of them rings")
    func segments() async throws {
        try await Bench.with { bench in
            try await bench.createEffects()
            for number in 0..<3 {
                try await bench.send(1, from: number)
                try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero), patience: .seconds(30))
            }
            try await bench.work([Lace()], WorkerOptions(poll: .seconds(3600))) { log in try await log.done(3) }
        }
    }
}
