import DeliveryCheck
import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A crowd of producers and consumers loses nothing and repeats nothing", .timeLimit(.minutes(10)))
struct CrowdTests {
    /// Each producer holds its transaction open until the crowd's next one has written, by locks that are handed round.
    @Test(
        "24 producers with open transactions, one in ten rolling back, and 6 consumers: appended, claimed, completed are equal"
    )
    func crowd() async throws {
        try await Bench.with(connections: 32) { bench in
            struct Regret: Error {}
            let rounds = 12
            let isOver = Tally(false)
            let attempted = Tally<[MessageID]>([])
            let sent = Tally<[MessageID]>([])
            let seen = Tally<[MessageID]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for producer in 0..<24 {
                    group.addTask {
                        for round in 0..<rounds {
                            let messages = (0..<Int.random(in: 1...5)).map { _ in Outgoing(Shoe(size: producer)) }
                            attempted.change { $0 += messages.map(\.id) }
                            do {
                                try await bench.database.write { session in
                                    try bench.broker.send(messages, to: bench.shoes, in: session)
                                    // Waits for whoever holds this turn, so that transactions overlap.
                                    try session.execute(
                                        "SELECT pg_advisory_xact_lock(77, $1)", Int32((producer + round) % 6))
                                    try session.execute("SELECT pg_sleep(random() * 0.004)")
                                    if (producer + round) % 10 == 0 { throw Regret() }
                                }
                                sent.change { $0 += messages.map(\.id) }
                            } catch is Regret {}
                        }
                    }
                }
                for _ in 0..<6 {
                    group.addTask {
                        try await bench.completeAll(1...40, until: isOver) { held in
                            seen.change { $0 += held.map(\.message.id) }
                        }
                    }
                }
                for _ in 0..<24 { try await group.next() }
                isOver.change { $0 = true }
                try await group.waitForAll()
            }
            let check = QueueCheck(attempted: attempted.value, acknowledged: sent.value, handled: seen.value)
            print("crowd: \(check)")
            #expect(check.isFaultless && check.duplicated == 0, "\(check)")
            #expect(check.recovered == 0, "what was rolled back came out all the same")
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == sent.value.count)
            #expect(try await bench.number("SELECT count(*) FROM mq.completions") == sent.value.count)
            #expect(try await bench.number("SELECT count(*) FROM mq.scheduled") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("places of a lane are delivered in the order of their commits, to any number of consumers")
    func order() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            for size in 0..<100 { try await bench.send(1, from: size) }
            let claims = Tally<[[Int64]]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        while true {
                            let held = try await bench.receive(7)
                            if held.isEmpty, try await bench.statistics().depth == 0 { return }
                            claims.change { $0.append(held.map(\.receipt.seq)) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let sorted = claims.value.filter { !$0.isEmpty }.sorted { $0[0] < $1[0] }.flatMap { $0 }
            #expect(sorted == (sorted[0]..<sorted[0] + 100).map { $0 })
            let sizes = try await bench.database.query(
                "SELECT convert_from(body, 'UTF8') FROM mq.messages ORDER BY seq"
            ) {
                try $0[0, as: String.self]
            }
            #expect(sizes == (0..<100).map { "{\"size\":\($0)}" })
        }
    }

    @Test("a send never waits: with every lane held it is put aside, and delivered all the same")
    func parked() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            let holder = try await bench.database.dedicatedConnection(named: "holder")
            try await holder.execute(
                "SELECT pg_advisory_lock($1, lane) FROM generate_series(0, 1) AS lane", 1_836_122_112 + bench.queue)
            try await bench.send(3)
            #expect(try await bench.statistics().scheduled == 3)
            let promotion = try await bench.broker.promote(bench.entry(), on: bench.database)
            #expect(promotion.moved == 0)
            #expect(try #require(promotion.nextDue) < .seconds(1), "who holds the lanes may roll back, and ring nobody")
            await holder.close()
            try await eventually("the lanes are free") {
                try await bench.broker.promote(bench.entry(), on: bench.database).moved == 3
            }
            #expect(try await bench.receive().count == 3)
        }
    }

    @Test("a rolled back transaction sends nothing, and its places are used by others")
    func rollback() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            struct Stop: Error {}
            for round in 0..<10 {
                await #expect(throws: Stop.self) {
                    try await bench.database.write { session in
                        try bench.broker.send([Outgoing(Shoe(size: -1))], to: bench.shoes, in: session)
                        try session.execute("SELECT 1")
                        throw Stop()
                    }
                }
                try await bench.send(1, from: round)
            }
            let held = try await bench.receive()
            #expect(held.count == 10)
            #expect(held.map(\.receipt.seq) == (held[0].receipt.seq..<held[0].receipt.seq + 10).map { $0 })
        }
    }

    @Test("what is sent once is stored once, whoever repeats it and how often at once")
    func once() async throws {
        try await Bench.with { bench in
            let message = Outgoing(Shoe(size: 1))
            let stored = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await bench.broker.sendOnce([message, message], to: bench.shoes) }
                }
                return try await group.reduce(0, +)
            }
            #expect(stored == 1)
            #expect(try await bench.receive().count == 1)
        }
    }
}
