import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

/// Of producers who wait to be asked.
extension HalfMessageTests {
    @Test(
        "a producer who waits to be asked is asked as soon as the time of a message has passed; without one he is told nothing, in time"
    )
    func waiting() async throws {
        try await with { bench in
            let broker = bench.patient().broker
            #expect(try await broker.halfMessages(of: "shop", in: "news", waiting: .milliseconds(50)) == [])
            let message = Outgoing(Shoe(size: 1))
            _ = try await broker.prepare(Outgoing(Shoe(size: 2)), to: news, by: "others", check: .seconds(1))
            _ = try await broker.prepare(message, to: news, by: "shop", check: .seconds(2))
            // Nobody looks now and then: it is known when the next one is due.
            let found = try await broker.halfMessages(of: "shop", in: "news", waiting: .seconds(3600))
            #expect(found.map(\.message.id) == [message.id] && found.map(\.checks) == [1])
            #expect(try await broker.rollback(half: found[0].receipt))
            let gone = Task { try await broker.halfMessages(of: "shop", in: "news", waiting: .seconds(600)) }
            gone.cancel()
            await #expect(throws: CancellationError.self) { try await gone.value }
            await #expect(throws: QueueError.unknownTopic("none")) {
                try await broker.halfMessages(of: "shop", in: "none", waiting: .seconds(600))
            }
        }
    }

    @Test(
        "a crowd of producers who wait to be asked costs the database little, and each message is told to one of them, soon"
    )
    func crowd() async throws {
        try await with { bench in
            let before = try await transactions(bench)
            let found = try await withThrowingTaskGroup(of: [HalfMessage].self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        try await bench.broker.halfMessages(
                            of: "shop", in: "news", lasting: .seconds(3600), waiting: .seconds(8))
                    }
                }
                try await eventually("all of them wait") { bench.broker.halfRoom.count == 200 }
                for size in 0..<5 {
                    _ = try await bench.broker.prepare(
                        Outgoing(Shoe(size: size)), to: news, by: "shop", check: .seconds(1))
                }
                return try await group.reduce(into: [HalfMessage]()) { $0 += $1 }
            }
            #expect(found.count == 5 && Set(found.map(\.message.id)).count == 5)
            #expect(found.allSatisfy { $0.checks == 1 })
            let spent = try await transactions(bench) - before
            #expect(spent < 150, "\(spent) transactions")
        }
    }

    private func transactions(_ bench: Bench) async throws -> Int {
        try await bench.number("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
    }

    @Test("a half message that was found for a producer who had gone is told to the next one")
    func goneProducers() async throws {
        try await with { bench in
            let message = Outgoing(Shoe(size: 1))
            _ = try await prepare(bench, message)
            for _ in 0..<20 {
                let gone = Task {
                    try await bench.broker.halfMessages(
                        of: "shop", in: "news", lasting: .seconds(3600), waiting: .seconds(600))
                }
                try await endReceipts(bench)
                gone.cancel()
                guard let told = try? await gone.value, let half = told.first else { continue }
                // It was told before it had gone.
                try await bench.broker.giveBack([half])
            }
            let next = try await bench.broker.halfMessages(of: "shop", in: "news", waiting: .seconds(60))
            #expect(next.map(\.message.id) == [message.id] && next.map(\.checks) == [1])
            #expect(try await bench.broker.commit(half: next[0].receipt))
            try await bench.broker.giveBack(next)
            #expect(try await asked(bench).isEmpty, "what has come to an end stays so")
        }
    }
}
