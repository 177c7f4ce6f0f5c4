import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What was is read from the log")
struct ActivityTests {
    /// As if so much of the log had been written so long ago.
    private func age(_ places: ClosedRange<Int>, by seconds: Int, _ bench: Bench) async throws {
        try await bench.database.script("UPDATE mq.segments SET opened_at = now() - interval '1 day'")
        for (table, place, time) in [("messages_1", "seq", "appended_at"), ("claims_1", "last_seq", "claimed_at")] {
            try await bench.database.script(
                """
                UPDATE mq.\(table) SET \(time) = now() - interval '\(seconds) seconds'
                WHERE mq.ordinal(\(place)) BETWEEN \(places.lowerBound) AND \(places.upperBound)
                """)
        }
    }

    @Test("how much had been appended and claimed at moments of the past is told exactly, and what waited then")
    func marks() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            try await bench.send(10)
            try await bench.broker.complete(try await bench.receive(10))
            try await bench.send(6)
            _ = try await bench.receive(2)
            try await age(1...10, by: 150, bench)
            try await age(11...12, by: 90, bench)
            try await age(13...16, by: 30, bench)
            let marks = try #require(
                try await bench.broker.activity(of: ["shoes", "none"], each: .seconds(60), count: 3)["shoes"])
            #expect(marks.map(\.appended) == [0, 10, 12, 16])
            #expect(marks.map(\.claimed) == [0, 10, 12, 12])
            #expect(marks.map(\.depth) == [0, 0, 0, 4])
            #expect(try await bench.broker.activity(of: [], each: .seconds(1), count: 1).isEmpty)
            await #expect(throws: QueueError.self) {
                try await bench.broker.activity(of: ["shoes"], each: .zero, count: 1)
            }
        }
    }

    @Test("segments that came meanwhile and were dropped take nothing from the numbers")
    func segments() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            for round in 0..<4 {
                try await bench.send(6, from: round * 6)
                try await bench.broker.complete(try await bench.receive())
                try await bench.broker.retire(.init(keep: round < 2 ? .zero : .seconds(3600), rotate: .zero))
            }
            for (table, time) in [("messages", "appended_at"), ("claims", "claimed_at"), ("segments", "opened_at")] {
                try await bench.database.script("UPDATE mq.\(table) SET \(time) = \(time) - interval '10 minutes'")
            }
            let marks = try await bench.broker.activity(of: ["shoes"], each: .seconds(3600), count: 1)["shoes"]
            #expect(marks?.last.map { [$0.appended, $0.claimed, $0.depth] } == [24, 24, 0])
        }
    }

    @Test("the rate of a topic counts what was published lately, and neither retries nor what came otherwise")
    func topics() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            for topic: TopicName in ["sold", "lost", "silent"] { try await bench.broker.declare(topic: topic) }
            for topic: TopicName in ["sold", "lost"] { try await bench.broker.subscribe("shoes", to: topic) }
            try await bench.send(12)
            try await bench.broker.publish((0..<6).map { Outgoing(Shoe(size: $0)) }, to: Topic<Shoe>("lost"))
            try await age(1...18, by: 61, bench)
            try await bench.broker.publish((0..<12).map { Outgoing(Shoe(size: $0)) }, to: Topic<Shoe>("sold"))
            try await bench.broker.publish((0..<3).map { Outgoing(Shoe(size: $0)) }, to: Topic<Shoe>("lost"))
            try await bench.send(3)
            let rates = try await bench.broker.topicRates(over: .seconds(60))
            #expect(rates["sold"] == 0.2 && rates["lost"] == 0.05 && rates["silent"] == nil, "\(rates)")
        }
    }
}
