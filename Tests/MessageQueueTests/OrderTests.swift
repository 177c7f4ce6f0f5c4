import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A queue that keeps order handles the messages of a key one after the other", .timeLimit(.minutes(10)))
struct OrderTests {
    private static func settings(_ order: KeyOrder, attempts: Int = 3, lanes: Int = 4) -> QueueSettings {
        QueueSettings(
            lanes: lanes, retry: RetryPolicy(attempts: attempts, base: .milliseconds(1), cap: .milliseconds(5)),
            order: order)
    }
    private static let keys = (0..<12).map { "key-\($0)" }

    @Test("every key's messages are handled in the order of their sends, by two workers of both kinds, while some fail")
    func failing() async throws {
        try await Bench.with(Self.settings(.skipOnFailure, attempts: 50)) { bench in
            try await bench.createRecord()
            let step = Record { batch in
                if batch.contains(where: { $0.attempt == 1 && $0.payload.size % 7 == 3 }) { throw Misfit() }
            }
            let prepared = PreparedRecord { delivery in
                if Int.random(in: 0..<10) == 0 { throw Misfit() }
            }
            try await bench.work([step], named: "one") { _ in
                try await bench.work([prepared], named: "two") { _ in
                    try await bench.send(25, toEach: Self.keys)
                    try await eventually("all are handled") { try await bench.recorded() == 25 * Self.keys.count }
                    try await eventually("no key is blocked") { try await bench.statistics().blockedKeys == 0 }
                }
            }
            let record = try await bench.record()
            for key in Self.keys { #expect(record[key] == Array(0..<25), "\(key)") }
            #expect(try await bench.audit() == [])
            #expect(try await bench.statistics().held == 0)
        }
    }

    @Test("two messages of one key are never in anybody's hands at the same time")
    func alone() async throws {
        try await Bench.with(Self.settings(.skipOnFailure, attempts: 50)) { bench in
            try await bench.createRecord()
            let busy = Tally<[String: Int]>([:])
            let overlaps = Tally(0)
            let step = PreparedRecord { delivery in
                let key = delivery.key ?? ""
                busy.change { $0[key, default: 0] += 1 }
                if busy.value[key] != 1 { overlaps.change { $0 += 1 } }
                await Task.yield()
                busy.change { $0[key, default: 0] -= 1 }
                if Int.random(in: 0..<8) == 0 { throw Misfit() }
            }
            try await bench.work([step], named: "one") { _ in
                try await bench.work([step], named: "two") { _ in
                    try await bench.send(20, toEach: Self.keys)
                    try await eventually("all are handled") { try await bench.recorded() == 20 * Self.keys.count }
                }
            }
            #expect(overlaps.value == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a message that fails for good blocks its key alone, visibly, until an operator retries it")
    func blocks() async throws {
        try await Bench.with(Self.settings(.blockOnFailure)) { bench in
            try await bench.createRecord()
            let isMended = Tally(false)
            let step = PreparedRecord { delivery in
                if delivery.key == "key-1", delivery.payload.size == 2, !isMended.value { throw Misfit() }
            }
            try await bench.work([step]) { _ in
                try await bench.send(10, toEach: Self.keys)
                try await eventually("the other keys go on, and the key waits for an operator") {
                    let blocked = try await bench.broker.blockedKeys()
                    return try await bench.recorded() == 10 * Self.keys.count - 8
                        && blocked.map(\.needsOperator) == [true] && blocked.map(\.held) == [8]
                }
                let blocked = try #require(try await bench.broker.blockedKeys(of: "shoes").first)
                #expect(blocked.key == "key-1" && blocked.attempt == 3 && blocked.error?.contains("Misfit") == true)
                let statistics = try await bench.statistics()
                #expect(statistics.held == 8 && statistics.blockedKeys == 1 && statistics.dead == 0)
                let other = try await bench.broker.retryBlocked("shoes", key: "key-2")
                #expect(!other, "it isn't blocked")
                isMended.change { $0 = true }
                #expect(try await bench.broker.retryBlocked("shoes", key: "key-1"))
                try await eventually("the key goes on") { try await bench.recorded() == 10 * Self.keys.count }
                try await eventually("nothing is blocked") { try await bench.broker.blockedKeys().isEmpty }
            }
            let record = try await bench.record()
            for key in Self.keys { #expect(record[key] == Array(0..<10), "\(key)") }
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "an operator skips what blocks a key: it becomes a dead letter, the key goes on, and a redrive brings it back")
    func skipped() async throws {
        try await Bench.with(Self.settings(.blockOnFailure)) { bench in
            try await bench.createRecord()
            let isMended = Tally(false)
            let step = PreparedRecord {
                if $0.payload.size == 0, !isMended.value { throw Misfit(disposition: .deadLetter(reason: "ugly")) }
            }
            try await bench.work([step]) { _ in
                try await bench.send(5, toEach: ["a", "b"])
                try await eventually("both wait") {
                    try await bench.broker.blockedKeys().map(\.needsOperator) == [true, true]
                }
                #expect(try await bench.broker.skipBlocked("shoes", key: "a"))
                try await eventually("one goes on") { try await bench.recorded() == 4 }
                #expect(try await bench.broker.deadLetters().map(\.reason) == ["skipped"])
                isMended.change { $0 = true }
                _ = try await bench.broker.redrive()
                try await eventually("the skipped one is handled, last") {
                    try await bench.record()["a"] == [1, 2, 3, 4, 0]
                }
                #expect(try await bench.statistics().held == 5, "the other key still waits")
            }
            #expect(try await bench.audit() == [])
        }
    }

    @Test("skipping the only message that a key holds frees the key at once")
    func skippedLast() async throws {
        try await Bench.with(Self.settings(.blockOnFailure)) { bench in
            try await bench.send(1, toEach: ["a"])
            let held = try await bench.receive()
            try await bench.broker.deadLetter(held.map { .init($0, reason: "ugly", error: nil) })
            #expect(try await bench.broker.blockedKeys().map(\.held) == [1])
            #expect(try await bench.broker.skipBlocked("shoes", key: "a"))
            #expect(try await bench.broker.blockedKeys().isEmpty)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "where order skips failures, a message that fails for good is a dead letter and those behind it go on, in order"
    )
    func skips() async throws {
        try await Bench.with(Self.settings(.skipOnFailure)) { bench in
            try await bench.createRecord()
            let step = Record { batch in if batch.contains(where: { $0.payload.size == 3 }) { throw Misfit() } }
            try await bench.work([step]) { _ in
                try await bench.send(8, toEach: Self.keys)
                try await eventually("all others are handled") { try await bench.recorded() == 7 * Self.keys.count }
                try await eventually("dead letters") { try await bench.statistics().dead == Self.keys.count }
            }
            let record = try await bench.record()
            for key in Self.keys { #expect(record[key] == [0, 1, 2, 4, 5, 6, 7], "\(key)") }
            #expect(
                try await bench.broker.deadLetters().allSatisfy {
                    $0.attempts == 3 && $0.reason == "attempts-exhausted"
                })
            #expect(try await bench.audit() == [])
        }
    }

    @Test("when a consumer of an ordered queue is lost, what it held comes back in order, before what was sent later")
    func rescued() async throws {
        try await Bench.with(Self.settings(.skipOnFailure, attempts: 10)) { bench in
            try await bench.createRecord()
            try await bench.send(6, toEach: Self.keys)
            let held = try await bench.receive(40)
            #expect(held.count == 40)
            // The lost one has finished some, in order.
            var firsts: Set<String> = []
            let some = held.filter { firsts.insert($0.message.key ?? "").inserted }.prefix(3)
            try await bench.broker.complete(Array(some))
            try await bench.rescue()
            try await bench.send(3, toEach: Self.keys, from: 6)
            try await bench.work([Record()]) { _ in
                try await eventually("all are handled") {
                    try await bench.recorded() == 9 * Self.keys.count - some.count
                }
            }
            let record = try await bench.record()
            for key in Self.keys {
                let begun = some.contains { $0.message.key == key }
                #expect(record[key] == Array((begun ? 1 : 0)..<9), "\(key)")
            }
            #expect(try await bench.audit() == [])
        }
    }

    @Test("the order of a key holds over rotations of the log, also for keys that are blocked meanwhile")
    func rotations() async throws {
        try await Bench.with(Self.settings(.blockOnFailure, lanes: 2)) { bench in
            try await bench.createRecord()
            let isMended = Tally(false)
            let step = Record { batch in
                if !isMended.value, batch.contains(where: { $0.key == "b" }) { throw Misfit() }
            }
            try await bench.work([step]) { _ in
                for round in 0..<4 {
                    try await bench.send(5, toEach: ["a", "b", "c"], from: round * 5)
                    try await eventually("a and c go on") { try await bench.recorded() == (round + 1) * 10 }
                    try await eventually("rotated") {
                        let deeds = try? await bench.broker.retire(.init(keep: .zero, rotate: .zero))
                        return deeds?.contains { $0.hasPrefix("opened") } ?? false
                    }
                }
                isMended.change { $0 = true }
                try await eventually("b waits for an operator, or goes on by itself") {
                    if try await bench.broker.blockedKeys().contains(where: \.needsOperator) {
                        _ = try await bench.broker.retryBlocked("shoes", key: "b")
                    }
                    return try await bench.recorded() == 60
                }
            }
            for (key, sizes) in try await bench.record() { #expect(sizes == Array(0..<20), "\(key)") }
        }
    }

    @Test("concurrent senders of one key are handled in the order of their commits")
    func commits() async throws {
        try await Bench.with(Self.settings(.skipOnFailure)) { bench in
            try await bench.createRecord()
            try await bench.database.script("CREATE TABLE sent (n int GENERATED ALWAYS AS IDENTITY, size int)")
            try await bench.work([Record()]) { _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<6 {
                        group.addTask {
                            for round in 0..<10 {
                                try await bench.database.write { session in
                                    let shoe = Outgoing(Shoe(size: sender * 100 + round), key: "one")
                                    try bench.broker.send([shoe], to: bench.shoes, in: session)
                                    // Under the lane's lock, so in the order of the commits.
                                    session.pipeline("INSERT INTO sent (size) VALUES ($1)", Int32(sender * 100 + round))
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                try await eventually("all are handled") { try await bench.recorded() == 60 }
            }
            let sent = try await bench.database.query("SELECT size FROM sent ORDER BY n") { try $0[0, as: Int.self] }
            #expect(try await bench.record()["one"] == sent)
        }
    }

    @Test("messages without a key are in no order in an ordered queue, and a failing one blocks nobody")
    func keyless() async throws {
        try await Bench.with(Self.settings(.blockOnFailure)) { bench in
            try await bench.createRecord()
            let step = PreparedRecord { if $0.key == nil, $0.attempt < 3 { throw Misfit() } }
            try await bench.work([step]) { _ in
                try await bench.broker.send((0..<20).map { Outgoing(Shoe(size: $0)) }, to: bench.shoes)
                try await bench.send(2, toEach: Self.keys)
                try await eventually("all are handled") { try await bench.recorded() == 20 + 2 * Self.keys.count }
            }
            #expect(try await bench.broker.blockedKeys().isEmpty)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a topic delivers to a queue that keeps order, in order, and to others as ever")
    func topic() async throws {
        try await Bench.with(Self.settings(.skipOnFailure)) { bench in
            try await bench.createRecord()
            try await bench.broker.declare(queue: "plain")
            try await bench.broker.declare(topic: "news")
            for queue in ["shoes", "plain"] as [QueueName] { try await bench.broker.subscribe(queue, to: "news") }
            for size in 0..<10 {
                try await bench.broker.publish(
                    Self.keys.map { Outgoing(Shoe(size: size), key: $0) }, to: Topic<Shoe>("news"))
            }
            try await bench.work([Record()]) { _ in
                try await eventually("all are handled") { try await bench.recorded() == 10 * Self.keys.count }
            }
            for (key, sizes) in try await bench.record() { #expect(sizes == Array(0..<10), "\(key)") }
            #expect(try await bench.receive(1000, queue: "plain").count == 10 * Self.keys.count)
        }
    }

    @Test("a delay or a setting that contradicts the order of a queue is refused, with a reason")
    func refusals() async throws {
        try await Bench.with(Self.settings(.skipOnFailure)) { bench in
            let later = Outgoing(Shoe(size: 1), key: "a", delay: .seconds(1))
            await #expect(throws: QueueError.delayRefused(later.id, queue: "shoes")) {
                try await bench.broker.send([later], to: bench.shoes)
            }
            await #expect(throws: QueueError.self) { try await bench.broker.declare(queue: "shoes") }
            await #expect(throws: QueueError.self) {
                try await bench.broker.declare(queue: "both", QueueSettings(priorities: .three, order: .skipOnFailure))
            }
            await #expect(throws: QueueError.self) {
                try await bench.broker.declare(queue: "wide", QueueSettings(lanes: 33, order: .skipOnFailure))
            }
            await #expect(throws: PostgresError.self, "a snapshot older than the lock would break the order") {
                try await bench.database.write { session in
                    try session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                    try bench.broker.send([Outgoing(Shoe(size: 1), key: "a")], to: bench.shoes, in: session)
                }
            }
        }
    }
}
