import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

/// Consumers that are no process of their own know messages by their receipts alone.
@Suite("A receipt is enough to act on a message, while its lease runs")
struct ByHandTests {
    private let queue: QueueName = "shoes"
    private let hour = Duration.seconds(3600)

    /// Every lease runs out, by the database's clock.
    private func endLeases(in bench: Bench) async throws {
        try await bench.database.execute("UPDATE mq.claims SET lease_until = now() - interval '1 second'")
        try await bench.database.execute("UPDATE mq.leases SET lease_until = now() - interval '1 second'")
    }

    /// As another process has it, which knows nothing of this one, and got it as a text.
    private func elsewhere(_ receipt: Receipt) throws -> Receipt { try #require(Receipt(receipt.description)) }

    @Test("a receipt's text is enough for another process to acknowledge what this one received, each by itself")
    func acknowledge() async throws {
        try await Bench.with { bench in
            try await bench.send(3)
            let held = try await bench.broker.receive(queue, limit: 3, lease: hour)
            let receipts = try held.map { try elsewhere($0.receipt) }
            let other = bench.another()
            #expect(try await other.acknowledge([receipts[0], receipts[2]]) == [])
            #expect(try await bench.statistics().inFlight == 1)
            #expect(try await other.acknowledge([receipts[1]]) == [])
            #expect(try await bench.number("SELECT count(*) FROM mq.completions WHERE outcome = 'd'") == 3)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("of receipts given together the good ones are used, and the others are told, whatever is wrong with them")
    func someAreLost() async throws {
        try await Bench.with { bench in
            try await bench.send(3)
            let held = try await bench.broker.receive(queue, limit: 3, lease: hour).map(\.receipt)
            #expect(try await bench.broker.acknowledge([held[0]]) == [])
            let (used, good) = (held[0], held[1])
            let stranger = Receipt(queue: held[2].queue, lane: held[2].lane, seq: held[2].seq, mark: held[2].mark ^ 1)
            let nowhere = Receipt(queue: 1, lane: 70, seq: 5, mark: held[2].mark)
            let unclaimed = Receipt(queue: good.queue, lane: good.lane, seq: good.seq + 1000, mark: good.mark)
            let negative = Receipt(queue: -1, lane: -1, seq: -1, mark: good.mark, turn: -1)
            let bad: Set = [used, stranger, nowhere, unclaimed, negative, held[2].inTurn(1)]
            #expect(try await bench.broker.acknowledge([good, good] + bad) == bad)
            #expect(try await bench.number("SELECT count(*) FROM mq.completions") == 2)
            #expect(try await bench.broker.acknowledge([]) == [])
        }
    }

    @Test("a receipt whose lease has ended finishes nothing, also before anybody has taken the message")
    func lateAcknowledgement() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            let first = try await bench.broker.receive(queue, lease: hour)
            try await endLeases(in: bench)
            #expect(try await bench.broker.acknowledge(first.map(\.receipt)) == Set(first.map(\.receipt)))
            await #expect(throws: QueueError.leaseLost(queue: queue, message: nil)) {
                try await bench.broker.changeVisibility(of: first[0].receipt, to: hour)
            }
            let second = try await bench.broker.receive(queue, lease: hour)
            #expect(second.map(\.attempt) == [2] && second.map(\.message) == first.map(\.message))
            #expect(try await bench.broker.acknowledge(first.map(\.receipt)) == Set(first.map(\.receipt)))
            #expect(try await bench.broker.acknowledge(second.map(\.receipt)) == [])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("with each change of its visibility a message has another receipt, and those before are worth nothing")
    func receiptsChange() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            let held = try await bench.broker.receive(queue, lease: hour)[0].receipt
            let second = try await bench.broker.changeVisibility(of: held, to: hour).receipt
            await #expect(throws: QueueError.leaseLost(queue: queue, message: nil)) {
                try await bench.broker.changeVisibility(of: held, to: hour)
            }
            let third = try await bench.another().changeVisibility(of: elsewhere(second), to: hour).receipt
            #expect(Set([held, second, third]).count == 3)
            #expect(try await bench.broker.acknowledge([held, second]) == [held, second])
            #expect(try await bench.broker.acknowledge([elsewhere(third)]) == [])
            #expect(try await bench.broker.acknowledge([third]) == [third])
            #expect(try await bench.number("SELECT count(*) FROM mq.leases") == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("the visibility of one message is its own: what was received with it comes back earlier, or later")
    func single() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            try await bench.send(3)
            let held = try await bench.broker.receive(queue, limit: 3, lease: hour)
            let longer = try await bench.broker.changeVisibility(of: held[0].receipt, to: hour * 2)
            let given = try await bench.broker.changeVisibility(of: held[1].receipt, to: .zero)
            let ends = try #require(held[0].leaseEnds)
            #expect(longer.leaseEnds.timeIntervalSince(ends) > 3500 && given.leaseEnds < ends)
            // What was given away comes at once.
            let again = try await bench.broker.receive(queue, limit: 3, lease: hour)
            #expect(again.map(\.message) == [held[1].message] && again[0].attempt == 2)
            #expect(try await bench.broker.acknowledge([given.receipt]) == [given.receipt])
            // The claim's own lease ends, which is that of the third one alone.
            try await bench.database.execute("UPDATE mq.claims SET lease_until = now() - interval '1 second'")
            let third = try await bench.broker.receive(queue, limit: 3, lease: hour)
            #expect(Set(third.map(\.message.id)) == [held[1].message.id, held[2].message.id])
            #expect(try await bench.broker.acknowledge([longer.receipt]) == [])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a message that is made invisible just as its lease ends is not taken away by who saw it end")
    func renewalBeforeRescue() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            let held = try await bench.broker.receive(queue, lease: hour)[0].receipt
            let renewed = try await bench.broker.changeVisibility(of: held, to: hour)
            // What a rescue would have found a moment ago.
            let taken = try await bench.database.query(
                Broker.expire, bench.queue, [held.lane], [held.seq], ["late"], try await bench.entry().origin.home
            ) { try $0[1, as: Int64.self] }
            #expect(taken == [])
            #expect(try await bench.broker.acknowledge([renewed.receipt]) == [])
        }
    }

    @Test("an extended lease is longer also when the visibility was changed before")
    func extending() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            let held = try await bench.broker.receive(queue, lease: .seconds(60))
            let changed = try await bench.broker.changeVisibility(of: held[0].receipt, to: .seconds(60))
            try await bench.broker.extend(held, to: hour)
            #expect(
                try await bench.number(
                    "SELECT count(*) FROM mq.leases WHERE lease_until > now() + interval '50 minutes'")
                    == 1)
            #expect(try await bench.broker.acknowledge([changed.receipt]) == [])
        }
    }

    @Test("a message tells when it was sent, and when the first of its attempts was received, over all that follow")
    func firstReceived() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            try await bench.send(3)
            let first = try await bench.broker.receive(queue, limit: 3, lease: hour)
            let claimed = try await bench.database.query("SELECT min(claimed_at), max(claimed_at) FROM mq.claims") {
                [try $0[0, as: Date.self], try $0[1, as: Date.self]]
            }[0]
            for held in first {
                let received = try #require(held.firstReceivedAt)
                // Kept in microseconds.
                #expect(received > claimed[0] - 0.001 && received < claimed[1] + 0.001 && held.sentAt <= received)
            }
            try await bench.broker.retry([.init(first[0], after: .zero, error: "tight")])
            _ = try await bench.broker.changeVisibility(of: first[1].receipt, to: .zero)
            try await bench.broker.release([first[2]])
            let again = try await bench.broker.receive(queue, limit: 3, lease: hour)
            for held in again {
                let before = try #require(first.first { $0.message.id == held.message.id })
                let gap = try #require(held.firstReceivedAt).timeIntervalSince(try #require(before.firstReceivedAt))
                #expect(held.attempt == 1 ? gap > 0 : abs(gap) < 0.001, "attempt \(held.attempt): \(gap)")
                #expect(held.sentAt == before.sentAt)
            }
            try await bench.broker.deadLetter(again.map { .init($0, reason: "r", error: nil) })
            _ = try await bench.broker.redrive()
            let risen = try await bench.broker.receive(queue, limit: 3, lease: hour)
            let latest = try #require(again.compactMap(\.firstReceivedAt).max())
            #expect(risen.count == 3 && risen.allSatisfy { $0.firstReceivedAt ?? latest > latest })
            _ = try await bench.broker.changeVisibility(of: risen[0].receipt, to: .zero)
            let third = try await bench.broker.receive(queue, limit: 3, lease: hour)
            #expect(
                third.map(\.attempt) == [2] && third[0].firstReceivedAt ?? latest > latest, "since it was sent back")
            #expect(try await bench.receive().allSatisfy { $0.firstReceivedAt == nil })
        }
    }

    @Test("what a worker holds is its own: its receipts are refused, as they are")
    func notOfWorkers() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            let held = try await bench.receive()
            #expect(held[0].leaseEnds == nil)
            #expect(try await bench.broker.acknowledge([held[0].receipt]) == [held[0].receipt])
            await #expect(throws: QueueError.self) {
                try await bench.broker.changeVisibility(of: held[0].receipt, to: .zero)
            }
            try await bench.broker.complete(held)
        }
    }

    @Test(
        "a message that nobody acknowledges is a dead letter once its attempts are used up, changed visibility or not")
    func exhaustion() async throws {
        try await Bench.with(QueueSettings(retry: RetryPolicy(attempts: 2))) { bench in
            try await bench.send(1)
            for attempt in 1...2 {
                let held = try await bench.broker.receive(queue, lease: hour)
                #expect(held.map(\.attempt) == [attempt])
                _ = try await bench.broker.changeVisibility(of: held[0].receipt, to: .zero)
            }
            #expect(try await bench.broker.receive(queue, lease: hour).isEmpty)
            #expect(try await bench.broker.deadLetters().map(\.attempts) == [2])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("of acknowledgements, changes of visibility and rescues at once, one has the message")
    func stampede() async throws {
        try await Bench.with(connections: 12) { bench in
            for round in 0..<5 {
                try await bench.send(1, from: round)
                let held = try await bench.broker.receive(queue, lease: hour)[0].receipt
                let wins = await withTaskGroup(of: Bool.self) { group in
                    for number in 0..<20 {
                        group.addTask {
                            do {
                                if number.isMultiple(of: 2) {
                                    return try await bench.broker.acknowledge([held]).isEmpty
                                }
                                _ = try await bench.broker.changeVisibility(of: held, to: hour)
                            } catch {
                                // Somebody else was first.
                            }
                            return false
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(wins <= 1)
                try await endLeases(in: bench)
                try await bench.broker.complete(bench.broker.receive(queue, lease: hour))
                #expect(try await bench.statistics().inFlight == 0)
            }
            #expect(try await bench.audit() == [])
        }
    }

    @Test("in a queue that keeps order the next message of a key comes once the one before is acknowledged")
    func order() async throws {
        try await Bench.with(QueueSettings(lanes: 1, order: .blockOnFailure)) { bench in
            try await bench.broker.send((1...2).map { Outgoing(Shoe(size: $0), key: "pair") }, to: bench.shoes)
            let first = try await bench.broker.receive(queue, lease: hour)
            #expect(try await bench.broker.receive(queue, lease: hour).isEmpty)
            let later = try await bench.broker.changeVisibility(of: first[0].receipt, to: .zero)
            let again = try await bench.broker.receive(queue, lease: hour)
            #expect(again.map(\.message) == first.map(\.message))
            #expect(try await bench.broker.acknowledge([later.receipt]) == [later.receipt])
            #expect(try await bench.broker.acknowledge(again.map(\.receipt)) == [])
            let second = try await bench.broker.receive(queue, lease: hour)
            #expect(try second.map { try $0.decoded(as: Shoe.self).payload.size } == [2])
            #expect(try await bench.broker.acknowledge(second.map(\.receipt)) == [])
            #expect(try await bench.audit() == [])
        }
    }
}
