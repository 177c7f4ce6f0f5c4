import Durations
import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A queue's limits hold over all its workers", .timeLimit(.minutes(10)))
struct LimitTests {
    @Test(
        "never is more in flight than a queue's limit, whoever claims and whatever is finished, retried or lost meanwhile"
    )
    func concurrency() async throws {
        try await Bench.with(QueueSettings(lanes: 4, limits: QueueLimits(concurrency: 7)), connections: 16) { bench in
            try await bench.send(300)
            let most = Tally(0)
            let handled = Tally(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let memory = ClaimMemory()
                        while handled.value < 300 {
                            let held = try await bench.database.write { session in
                                let held = try bench.receive(5, by: bench.consumer, memory: memory, in: session)
                                let open = try session.query(Self.open) { try $0[0, as: Int.self] }[0]
                                most.change { $0 = max($0, open) }
                                return held
                            }
                            let (some, others) = held.partitioned { _ in Int.random(in: 0..<4) > 0 }
                            try await bench.broker.complete(some)
                            handled.change { $0 += some.count }
                            try await bench.broker.retry(others.map { .init($0, after: .zero, error: "again") })
                            _ = try await bench.broker.promote(bench.entry(), on: bench.database)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(most.value <= 7 && most.value > 3, "\(most.value) at once")
            #expect(try await bench.audit() == [])
        }
    }

    /// Within the claim's transaction, which holds the queue's claim lock: nothing can be claimed beside it.
    private static let open: Statement = """
        SELECT count(*) FROM mq.claims c, generate_series(c.first_seq, c.last_seq) AS place
        WHERE NOT EXISTS (SELECT FROM mq.completions d WHERE d.queue = c.queue AND d.lane = c.lane AND d.seq = place)
        """

    @Test("workers of several processes go on by themselves when one makes room below the queue's limit")
    func workers() async throws {
        try await Bench.with(QueueSettings(limits: QueueLimits(concurrency: 3))) { bench in
            try await bench.createEffects()
            let busy = Tally((now: 0, most: 0))
            let step = Polish { _ in
                busy.change { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                await Task.yield()
                busy.change { $0.now -= 1 }
            }
            let patient = WorkerOptions(poll: .seconds(3600))
            try await bench.work([step], patient, named: "one") { one in
                try await bench.work([step], patient, named: "two") { two in
                    try await bench.send(200)
                    try await eventually("all are handled") { one.events.doneCount + two.events.doneCount == 200 }
                }
            }
            #expect(busy.value.most <= 3)
            #expect(try await bench.effects() == [200, 0])
        }
    }

    @Test(
        "a claim that was rolled back does not count against a queue's limit, neither for others nor for the one who made it"
    )
    func rolledBack() async throws {
        try await Bench.with(QueueSettings(limits: QueueLimits(concurrency: 2))) { bench in
            struct Regret: Error {}
            try await bench.send(5)
            await #expect(throws: Regret.self) {
                try await bench.database.write { session in
                    #expect(try bench.receive(5, by: bench.consumer, in: session).count == 2)
                    throw Regret()
                }
            }
            let held = try await bench.receive(5)
            #expect(held.count == 2)
            #expect(try await bench.receive(5).isEmpty)
            try await bench.broker.complete(held)
            #expect(try await bench.receive(5).count == 2)
        }
    }

    @Test("under a concurrency limit each finished message makes room for one, in any order, for any consumer")
    func gaps() async throws {
        try await Bench.with(QueueSettings(lanes: 2, limits: QueueLimits(concurrency: 20))) { bench in
            try await bench.send(40)
            try await bench.send(40, from: 40)
            let memories = [ClaimMemory(), ClaimMemory(), ClaimMemory()]
            var held: [ReceivedMessage] = []
            var taken = 0
            while taken < 80 {
                let room = min(20 - held.count, 80 - taken)
                let memory = memories.randomElement()
                // Sometimes fewer than there is room for, so that runs of places begin and end anywhere.
                let limit = Int.random(in: 1...20)
                let more = try await bench.database.write { session in
                    try bench.receive(limit, by: bench.consumer, memory: memory, in: session)
                }
                #expect(more.count == min(room, limit), "\(held.count) in flight")
                taken += more.count
                held = (held + more).shuffled()
                let finished = Array(held.prefix(Int.random(in: 1...held.count)))
                try await bench.broker.complete(finished)
                held.removeFirst(finished.count)
            }
            #expect(try await bench.audit() == [])
        }
    }

    @Test("an open place whose segment was dropped since no longer counts against a queue's limit")
    func dropped() async throws {
        try await Bench.with(QueueSettings(limits: QueueLimits(concurrency: 5))) { bench in
            try await bench.send(20)
            let held = try await bench.receive(5)
            #expect(held.count == 5)
            #expect(try await bench.receive(5).isEmpty)
            try await bench.broker.complete(held)
            try await bench.broker.complete(try await bench.another(draining: 15))
            for _ in 0..<2 { try await bench.broker.retire(.init(keep: .zero, rotate: .zero)) }
            try await bench.send(5, from: 20)
            #expect(try await bench.receive(5).count == 5)
        }
    }

    @Test("a queue's rate lets a burst through, then as much as time allows, over claims of several consumers")
    func rate() async throws {
        // One in a hundred seconds: however busy the machine is, none is added while the test looks.
        try await Bench.with(QueueSettings(limits: QueueLimits(rate: 0.01, burst: 10))) { bench in
            try await bench.send(100)
            let first = try await bench.receive(6)
            #expect(first.count == 6)
            let other = try await bench.database.write { session in
                try bench.receive(50, by: bench.consumer, memory: ClaimMemory(), in: session)
            }
            #expect(other.count == 4, "the rest of the burst")
            #expect(try await bench.receive(50).isEmpty)
            // As if the claims had been made so much earlier.
            try await bench.database.execute("UPDATE mq.claims SET paced_until = paced_until - interval '650 seconds'")
            #expect(try await bench.receive(50).count == 6, "650 seconds at one in a hundred")
        }
    }

    @Test("a queue keeps its pace when the claims that told it are gone with their segment")
    func paceOutlivesClaims() async throws {
        try await Bench.with(QueueSettings(limits: QueueLimits(rate: 0.01, burst: 10))) { bench in
            try await bench.send(10)
            let held = try await bench.receive(50)
            #expect(held.count == 10)
            try await bench.broker.complete(held)
            for _ in 0..<2 { try await bench.broker.retire(.init(keep: .zero, rotate: .zero)) }
            #expect(try await bench.number("SELECT count(*) FROM mq.segments WHERE segment = 1") == 0)
            try await bench.send(10, from: 10)
            #expect(try await bench.receive(50).isEmpty)
            try await bench.database.execute("UPDATE mq.lanes SET paced_until = paced_until - interval '650 seconds'")
            #expect(try await bench.receive(50).count == 6)
            #expect(try await bench.receive(50).isEmpty, "the new claims count beside the old ones")
        }
    }

    @Test("a worker waits as long as the rate asks, and an operator's change lets it go on")
    func changed() async throws {
        try await Bench.with(QueueSettings(limits: QueueLimits(rate: 0.01, burst: 3))) { bench in
            try await bench.createEffects()
            try await bench.send(10)
            var options = WorkerOptions(poll: .seconds(1))
            options.upkeepInterval = .seconds(1)
            try await bench.work([Lace()], options) { log in
                try await log.done(3)
                try await bench.broker.limit("shoes", to: .none)
                try await log.done(10)
            }
            // Declaring it again without limits leaves an operator's as they are.
            try await bench.broker.limit("shoes", to: QueueLimits(concurrency: 9))
            try await bench.broker.declare(queue: "shoes")
            #expect(try await bench.entry().limits == QueueLimits(concurrency: 9))
        }
    }

    @Test("a pace lets through what fits and tells when the next one may pass")
    func pace() {
        let pace = Pace(rate: 10, burst: 5)
        let now = Date(timeIntervalSince1970: 1_000_000)
        #expect(pace.allowance(pacedUntil: now.addingTimeInterval(-100), now: now).places == 5)
        #expect(pace.allowance(pacedUntil: now.addingTimeInterval(0.2), now: now).places == 3)
        let full = pace.allowance(pacedUntil: now.addingTimeInterval(0.5), now: now)
        // A limit of one a day with the largest burst used up, and then the fastest rate.
        let late = Pace(rate: 1e9, burst: 1).allowance(pacedUntil: now.addingTimeInterval(86_400e6), now: now)
        #expect(late.places == 0 && late.wait ?? .zero > .zero)
        #expect(full.places == 0 && abs((full.wait ?? .zero).inSeconds - 0.1) < 1e-6)
    }

    @Test("of a slower rate that a queue had before, no more is owed than the present one could owe")
    func slowerBefore() {
        let now = Date(timeIntervalSince1970: 1_000_000)
        func allowance(owing seconds: Double) -> Broker.Allowance {
            let lane = LaneFlow(
                lane: 0, cursor: 0, open: [], pacedUntil: now.addingTimeInterval(seconds), now: now)
            return Broker.Allowance(of: QueueLimits(rate: 10, burst: 5), limit: 50, [lane])
        }
        #expect(allowance(owing: 0.2).places == 3)
        let late = allowance(owing: 86_400)
        #expect(late.places == 0 && abs((late.wait ?? .zero).inSeconds - 0.1) < 1e-6)
        #expect(late.pacing?.from == now.addingTimeInterval(0.5))
    }

    @Test("limits of a queue that make no sense are refused")
    func refusals() async throws {
        try await Bench.with { bench in
            let bad = [
                QueueLimits(concurrency: 0), QueueLimits(rate: 0), QueueLimits(rate: -1), QueueLimits(rate: .infinity),
                QueueLimits(rate: .nan), QueueLimits(rate: 1e30), QueueLimits(rate: 1e-30),
                QueueLimits(burst: 3), QueueLimits(rate: 1, burst: 0), QueueLimits(rate: 1, burst: 1_000_001),
            ]
            for limits in bad {
                await #expect(throws: QueueError.self) { try await bench.broker.limit("shoes", to: limits) }
            }
            await #expect(throws: QueueError.unknownQueue("nope")) { try await bench.broker.limit("nope", to: .none) }
        }
    }
}

extension Bench {
    /// Takes and returns so many, by a consumer without a limit's memory.
    fileprivate func another(draining count: Int) async throws -> [ReceivedMessage] {
        var taken: [ReceivedMessage] = []
        while taken.count < count {
            let some = try await database.write { session in
                try receive(count, by: consumer, memory: ClaimMemory(), in: session)
            }
            if taken.count + some.count < count { try await broker.complete(some) } else { return some }
            taken += some
        }
        return []
    }
}

@Suite("Priorities: the urgent first, and nobody starves", .timeLimit(.minutes(10)))
struct PriorityTests {
    @Test("urgent messages come first, also after a retry, a delay and a redrive")
    func urgency() async throws {
        try await Bench.with(QueueSettings(lanes: 2, priorities: .three)) { bench in
            func send(_ priority: Priority, _ size: Int, delay: Duration = .zero) async throws {
                try await bench.broker.send(
                    [Outgoing(Shoe(size: size), delay: delay, priority: priority)], to: bench.shoes)
            }
            for size in 0..<5 { try await send(.low, size) }
            for size in 10..<15 { try await send(.normal, size) }
            try await send(.high, 20)
            try await send(.high, 21, delay: .seconds(600))
            let first = try await bench.receive(1)
            #expect(try first.map { try Payloads.decode(Shoe.self, from: $0.message.body).size } == [20])
            try await bench.broker.retry(first.map { .init($0, after: .seconds(5), error: "") })
            let dying = try await bench.receive(1)
            try await bench.broker.deadLetter(dying.map { .init($0, reason: "r", error: nil) })
            try await bench.promoteAll()
            _ = try await bench.broker.redrive()
            var sizes: [Int] = []
            for _ in 0..<12 {
                let next = try await bench.receive(1)
                sizes += try next.map { try Payloads.decode(Shoe.self, from: $0.message.body).size }
            }
            #expect(Set(sizes).count == 12)
            let turnsOfOthers = 4
            #expect(Set(sizes.prefix(2 + turnsOfOthers)).isSuperset(of: [20, 21]), "\(sizes)")
            #expect(sizes.filter { $0 < 5 }.reduce(0, +) == 10)
            let position = { (size: Int) in sizes.firstIndex(of: size) ?? -1 }
            #expect(
                (10..<15).map(position).reduce(0, +) < (0..<5).map(position).reduce(0, +), "normal ones before low ones"
            )
            #expect(try await bench.audit() == [])
        }
    }

    @Test("urgent messages come first also when the less urgent ones are in a newer segment")
    func behind() async throws {
        try await Bench.with(QueueSettings(lanes: 1, priorities: .three)) { bench in
            func send(_ priority: Priority, _ sizes: Range<Int>) async throws {
                try await bench.broker.send(sizes.map { Outgoing(Shoe(size: $0), priority: priority) }, to: bench.shoes)
            }
            try await send(.high, 0..<5)
            try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero))
            try await send(.normal, 10..<15)
            let held = try await bench.receive(7)
            #expect(
                try held.map { try Payloads.decode(Shoe.self, from: $0.message.body).size } == [0, 1, 2, 3, 4, 10, 11])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("under a flood of urgent messages the less urgent ones get their share: of ten claims two and one")
    func starvation() async throws {
        try await Bench.with(QueueSettings(lanes: 1, priorities: .three)) { bench in
            let messages = [Priority.high, .normal, .low].enumerated().flatMap { level, priority in
                (0..<100).map { _ in Outgoing(Shoe(size: level), priority: priority) }
            }
            try await bench.broker.send(messages, to: bench.shoes)
            var counts = [0, 0, 0]
            for _ in 0..<50 {
                for message in try await bench.receive(1) {
                    counts[try Payloads.decode(Shoe.self, from: message.message.body).size] += 1
                }
            }
            #expect(counts == [35, 10, 5])
        }
    }

    @Test(
        "of sixteen priorities the first is served first, wherever a message comes from, and each is told as it was sent"
    )
    func sixteen() async throws {
        try await Bench.with(QueueSettings(priorities: .sixteen)) { bench in
            #expect(try await bench.broker.queue("shoes").settings.lanes == 4)
            try await bench.broker.declare(topic: "news")
            try await bench.broker.subscribe("shoes", to: "news")
            let numbers = Priority.allCases.shuffled().map { Outgoing(Shoe(size: $0.number), priority: $0) }
            try await bench.broker.send(Array(numbers.prefix(6)), to: bench.shoes)
            try await bench.broker.publish(Array(numbers.dropFirst(6).prefix(5)), to: Topic<Shoe>("news"))
            try await bench.broker.send(
                numbers.suffix(5).map {
                    Outgoing($0.payload, delay: .milliseconds(1), priority: $0.priority)
                }, to: bench.shoes)
            try await bench.promoteAll()
            let seen = try await bench.broker.peek("shoes", limit: 16)
            #expect(seen.map(\.priority.number) == Array(1...16))
            var told: [Int] = []
            for _ in 0..<16 {
                for held in try await bench.broker.receive("shoes", lease: .seconds(60)) {
                    #expect(try held.decoded(as: Shoe.self).payload.size == held.priority.number)
                    told.append(held.priority.number)
                }
            }
            #expect(told == Array(1...16))
            #expect(try await bench.audit() == [])
        }
    }

    @Test("under a flood of the most urgent messages each of the other fifteen priorities gets its turn")
    func noneStarves() {
        let firsts = (0..<16 * 15).map { PriorityLevels.sixteen.first(inTurn: $0) }
        #expect(firsts.filter { $0 == 0 }.count == 15 * 15)
        #expect(Set(firsts) == Set(0..<16))
    }

    @Test(
        "a priority is of the level that the server reckons, for any number of levels",
        arguments: PriorityLevels.allCases)
    func levels(levels: PriorityLevels) async throws {
        try await Bench.with(QueueSettings(lanes: 1, priorities: levels)) { bench in
            let messages = Priority.allCases.map { Outgoing(Shoe(size: $0.number), key: "\($0)", priority: $0) }
            try await bench.broker.send(messages, to: bench.shoes)
            let stored = try await bench.database.query("SELECT lane FROM mq.messages ORDER BY key::int") {
                try $0[0, as: Int16.self]
            }
            #expect(stored == Priority.allCases.map { levels.level(of: $0) })
            let told = Set(stored.map { levels.priority(of: $0) })
            #expect(
                told.count == Int(levels.rawValue)
                    && told.allSatisfy { levels.priority(of: levels.level(of: $0)) == $0 })
        }
    }

    @Test("priorities mean nothing in a queue without them, and a topic passes them on to queues that have them")
    func mixed() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            try await bench.broker.declare(queue: "levels", QueueSettings(lanes: 1, priorities: .three))
            try await bench.broker.declare(topic: "news")
            for queue in ["shoes", "levels"] as [QueueName] { try await bench.broker.subscribe(queue, to: "news") }
            let messages = [(2, Priority.low), (1, .normal), (0, .high)].map { Outgoing(Shoe(size: $0), priority: $1) }
            try await bench.broker.publish(messages, to: Topic<Shoe>("news"))
            func sizes(_ queue: QueueName) async throws -> [Int] {
                try await bench.database.write { session in
                    try bench.receive(10, by: bench.consumer, queue: queue, memory: ClaimMemory(), in: session)
                }.map { try Payloads.decode(Shoe.self, from: $0.message.body).size }
            }
            #expect(try await sizes("shoes") == [2, 1, 0])
            #expect(try await sizes("levels") == [0, 1, 2])
        }
    }
}
