import DeliveryCheck
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Segments come and go, messages stay", .timeLimit(.minutes(10)))
struct SegmentTests {
    private static let always = Broker.Retention(keep: .zero, rotate: .zero)
    private static let rotating = Broker.Retention(keep: .seconds(3600), rotate: .zero)

    @Test("a queue whose unfinished message keeps a segment beyond its time is told, until the message is finished")
    func holders() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(queue: "boots")
            try await bench.broker.send([Outgoing(Shoe(size: 1))], to: Queue<Shoe>("boots"))
            try await bench.broker.complete(try await bench.broker.receive("boots", lease: .seconds(60)))
            try await bench.send(2)
            try await bench.broker.complete(try await bench.receive(1))
            try await bench.broker.retire(Self.rotating, patience: .seconds(30))
            #expect(try await bench.broker.segmentHolders(beyond: .seconds(3600)).isEmpty, "it is young")
            try await bench.database.execute("UPDATE mq.segments SET opened_at = opened_at - interval '5 hours'")
            #expect(try await bench.broker.segmentHolders(beyond: .seconds(5 * 3600)).isEmpty, "an hour is granted")
            #expect(try await bench.broker.segmentHolders(beyond: .seconds(3600)).map(\.queue) == ["shoes"])
            let held = try await bench.receive(1)
            #expect(try await bench.broker.segmentHolders(beyond: .seconds(3600)).map(\.queue) == ["shoes"])
            try await bench.broker.complete(held)
            #expect(try await bench.broker.segmentHolders(beyond: .seconds(3600)).isEmpty)
        }
    }

    @Test("rotation under traffic loses nothing, repeats nothing and keeps the order of each lane")
    func traffic() async throws {
        try await Bench.with(QueueSettings(lanes: 4), connections: 16) { bench in
            let sent = Tally<[Int]>([])
            let rotations = Tally(0)
            let isOver = Tally(false)
            let sizes = Tally<[Int]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for producer in 0..<4 {
                    group.addTask {
                        for round in 0..<5000 where rotations.value < 3 || round < 20 {
                            let first = producer * 100_000 + round * 3
                            try await bench.send(3, from: first)
                            sent.change { $0 += first..<first + 3 }
                        }
                    }
                }
                group.addTask {
                    // A lock that could not be had in 50 ms is had another time.
                    while rotations.value < 3 {
                        guard let deeds = try? await bench.broker.retire(Self.always) else { continue }
                        if deeds.contains(where: { $0.hasPrefix("opened") }) { rotations.change { $0 += 1 } }
                    }
                }
                for _ in 0..<3 {
                    group.addTask {
                        try await bench.completeAll(20...20, until: isOver) { held in
                            let new = try held.sizes()
                            sizes.change { $0 += new }
                        }
                    }
                }
                for _ in 0..<5 { try await group.next() }
                isOver.change { $0 = true }
                try await group.waitForAll()
            }
            let check = QueueCheck(attempted: sent.value, acknowledged: sent.value, handled: sizes.value)
            print("rotation under traffic: \(check)")
            #expect(check.isFaultless && check.duplicated == 0, "\(check)")
            #expect(try await bench.audit() == [])
        }
    }

    @Test("lanes that are behind catch up through several segments, in order")
    func behind() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            for segment in 0..<4 {
                try await bench.send(25, from: segment * 25)
                try await bench.broker.retire(Self.rotating)
            }
            try await bench.send(25, from: 100)
            #expect(try await bench.statistics().depth == 125)
            var sizes: [Int] = []
            while sizes.count < 125 {
                let held = try await bench.receive(10)
                try #require(!held.isEmpty)
                #expect(try await bench.statistics().depth == 125 - sizes.count - held.count)
                try await bench.broker.complete(held)
                sizes += try held.map { try Payloads.decode(Shoe.self, from: $0.message.body).size }
            }
            #expect(sizes == Array(0..<125))
            #expect(try await bench.audit() == [])
        }
    }

    @Test("the head moves on while senders never pause", .timeLimit(.minutes(10)))
    func rotationUnderTraffic() async throws {
        try await Bench.with(connections: 7) { bench in
            let isOver = Tally(false)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in 0..<6 {
                    group.addTask {
                        while !isOver.value { try await bench.send(1, from: sender) }
                    }
                }
                defer { isOver.change { $0 = true } }
                try await eventually("four segments") {
                    // A rotation that finds no gap gives up, and is tried again.
                    _ = try? await bench.broker.retire(Self.rotating)
                    return try await bench.number("SELECT count(*) FROM mq.segments") >= 4
                }
            }
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a segment is dropped only when all in it is finished, whatever became of later ones")
    func droppedWhenFinished() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            // One lane has messages in the first segment only, unclaimed; the other one is done with both.
            let holder = try await bench.database.dedicatedConnection(named: "holder")
            try await bench.send(5, toLane: 1, as: holder)
            try await bench.broker.retire(Self.rotating)
            try await bench.send(5, toLane: 0, as: holder)
            try await bench.database.execute("UPDATE mq.lanes SET closed_seq = closed_seq WHERE lane = 0")
            let lock = try await bench.database.dedicatedConnection(named: "lock")
            try await lock.script("BEGIN; SELECT 1 FROM mq.lanes WHERE lane = 1 FOR UPDATE")
            let held = try await bench.receive()
            #expect(held.count == 5 && held.allSatisfy { $0.receipt.lane == 0 })
            try await bench.broker.complete(held)
            await lock.close()
            await holder.close()
            try await bench.broker.retire(Self.rotating)
            for _ in 0..<3 { try await bench.broker.retire(Broker.Retention(keep: .zero, rotate: .seconds(3600))) }
            #expect(try await bench.number("SELECT count(*) FROM mq.segments WHERE segment = 1") == 1)
            #expect(try await bench.statistics().depth == 5)
            let rest = try await bench.receive()
            #expect(rest.count == 5, "the first segment's messages are still to be had")
            try await bench.broker.complete(rest)
            for _ in 0..<3 { try await bench.broker.retire(Self.always) }
            #expect(try await bench.number("SELECT count(*) FROM mq.segments WHERE segment <= 2") == 0)
            let statistics = try await bench.statistics()
            #expect(statistics.depth == 0 && statistics.inFlight == 0 && statistics.oldestWaiting == nil)
            try await bench.send(4)
            #expect(try await bench.receive().count == 4)
        }
    }

    @Test("a lane that is behind has its turn, however much comes into the head")
    func behindBesideFlood() async throws {
        try await Bench.with(QueueSettings(lanes: 2)) { bench in
            let holder = try await bench.database.dedicatedConnection(named: "holder")
            try await bench.send(5, toLane: 1, as: holder)
            try await bench.broker.retire(Self.rotating)
            var lanes: Set<Int16> = []
            for _ in 0..<2 {
                try await bench.send(10, toLane: 0, as: holder)
                lanes.formUnion(try await bench.receive(5).map(\.receipt.lane))
            }
            #expect(lanes == [0, 1])
            await holder.close()
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a lane that caught up just before its segment went shows no depth, and delivers what comes next")
    func caughtUp() async throws {
        try await Bench.with { bench in
            try await bench.send(20)
            try await bench.broker.retire(Self.rotating)
            try await bench.broker.complete(try await bench.receive(20))
            try await bench.broker.retire(Broker.Retention(keep: .zero, rotate: .seconds(3600)))
            #expect(try await bench.number("SELECT count(*) FROM mq.segments") == 1)
            #expect(try await bench.statistics().depth == 0)
            try await bench.send(5)
            #expect(try await bench.statistics().depth == 5)
            #expect(try await bench.receive().count == 5)
        }
    }

    @Test("a finish whose segment is gone is a lost lease and changes nothing")
    func tooLate() async throws {
        try await Bench.with { bench in
            try await bench.database.script("CREATE TABLE effect (n int)")
            try await bench.send(2)
            let held = try await bench.receive()
            try await bench.rescue()
            for _ in 0..<2 { try await bench.broker.retire(Self.always) }
            #expect(try await bench.number("SELECT count(*) FROM mq.segments WHERE segment = 1") == 0)
            do {
                try await bench.database.write { session in
                    session.pipeline("INSERT INTO effect VALUES (1)")
                    bench.broker.complete(held, in: session)
                }
                Issue.record("a finish without a place succeeded")
            } catch let error as QueueError {
                #expect(error == .leaseLost(queue: "shoes", message: nil))
            }
            #expect(try await bench.number("SELECT count(*) FROM effect") == 0)
        }
    }
}

extension Bench {
    /// Sends while the holder has the other one of the queue's two lanes.
    fileprivate func send(_ count: Int, toLane lane: Int32, as holder: Connection) async throws {
        let other = 1 - lane
        try await holder.execute("SELECT pg_advisory_lock($1, $2)", 1_836_122_112 + queue, other)
        try await send(count, from: Int(lane) * 100)
        try await holder.execute("SELECT pg_advisory_unlock($1, $2)", 1_836_122_112 + queue, other)
    }
}
