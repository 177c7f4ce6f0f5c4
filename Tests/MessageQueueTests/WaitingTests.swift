import Foundation
import Logging
import Synchronization
import TestSupport
import Testing

@testable import MessageQueue
@testable import Postgres

@Suite("Whoever waits for messages gets them as they come, and a crowd costs what one does", .timeLimit(.minutes(10)))
struct WaitingTests {
    private let queue: QueueName = "shoes"
    private let hour = Duration.seconds(3600)

    private func wait(_ bench: Bench, limit: Int = 1, for time: Duration) async throws -> [ReceivedMessage] {
        try await bench.broker.receive(queue, limit: limit, lease: hour, waiting: time)
    }

    /// So many stand in the line of this process.
    private func untilWaiting(_ count: Int, in bench: Bench) async throws {
        try await eventually("\(count) wait") { bench.broker.waitingRoom.count(for: queue) == count }
    }

    /// Someone waits, and rings come in: from here on only a ring, or what becomes due, brings the clerk back soon.
    private func untilHearing(_ bench: Bench) async throws {
        try await eventually("rings come in") { bench.broker.waitingListener.isHearing(bench.queue) }
    }

    @Test("a long poll is answered at once with what is there, and with nothing once its time has passed")
    func atOnceAndNothing() async throws {
        try await Bench.with { bench in
            try await bench.send(3)
            #expect(try await wait(bench, limit: 2, for: hour).count == 2)
            #expect(try await wait(bench, limit: 2, for: hour).count == 1)
            let start = ContinuousClock.now
            #expect(try await wait(bench, for: .milliseconds(300)) == [])
            #expect(start.duration(to: .now) >= .milliseconds(300))
            #expect(try await wait(bench, for: .zero) == [])
            #expect(try await wait(bench, for: .seconds(-1)) == [])
            #expect(!bench.broker.waitingRoom.isWaited(for: queue), "nobody waits any more")
        }
    }

    @Test("a message that another process sends wakes who waits, by its ring alone")
    func ring() async throws {
        try await Bench.with { impatient in
            let bench = impatient.patient()
            async let waiting = wait(bench, for: hour)
            try await untilHearing(bench)
            let other = bench.another()
            try await other.send([Outgoing(Shoe(size: 7))], to: bench.shoes)
            let held = try await waiting
            #expect(try held.map { try $0.decoded(as: Shoe.self).payload.size } == [7])
        }
    }

    @Test("callers are served in the order of their coming, each with what it asked for")
    func order() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            let served = Tally<[Int]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...4 {
                    group.addTask {
                        let held = try await wait(bench, limit: number, for: hour)
                        #expect(held.count == number)
                        served.change { $0.append(number) }
                    }
                    try await untilWaiting(number, in: bench)
                }
                for number in 1...4 {
                    try await bench.send(number)
                    try await eventually("\(number) is served") { served.value.count == number }
                }
                try await group.waitForAll()
            }
            #expect(served.value == [1, 2, 3, 4])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("2,000 who wait cost the database no more than one, and each message finds one of them")
    func crowd() async throws {
        let statements = Tally(0)
        var options = DatabaseOptions()
        options.connection.pace = { _ in statements.change { $0 += 1 } }
        try await TestDatabase.with(.queues, options: options) { database in
            let bench = try await Bench(on: database)
            let count = 2000
            let got = Tally(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...count {
                    group.addTask {
                        let held = try await wait(bench, for: hour)
                        got.change { $0 += held.count }
                    }
                    if number == 1 { try await untilHearing(bench) }
                }
                try await untilWaiting(count, in: bench)
                // In these seconds the clerk looks by itself, a few times at the most.
                let before = statements.value
                try await Task.sleep(for: .seconds(2))
                #expect(before < 100, "\(before) statements until all of them wait")
                #expect(statements.value - before < 30, "\(statements.value - before) statements while they wait")
                let connections = try await bench.number(
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'message-queue waiting'
                    """)
                #expect(connections == 1)
                try await bench.send(100)
                try await untilWaiting(count - 100, in: bench)
                #expect(try await bench.statistics().inFlight == 100 && got.value <= 100)
                group.cancelAll()
                while let next = await group.nextResult() {
                    if case .failure(let error) = next { #expect(error is CancellationError) }
                }
            }
            try await eventually("the line is gone") { !bench.broker.waitingRoom.isWaited(for: queue) }
            #expect(try await bench.audit() == [])
        }
    }

    /// A bench whose clerks look by themselves once in an hour, and who hears each statement that its broker sends.
    private func withStatements(
        _ onStatement: @escaping @Sendable (String) -> Void, _ body: @Sendable (Bench) async throws -> Void
    ) async throws {
        var options = DatabaseOptions()
        options.connection.pace = { onStatement($0) }
        try await TestDatabase.with(.queues, options: options) { database in
            try await body(try await Bench(on: database).patient())
        }
    }

    /// Nobody waits, and rings come in: whoever comes now need not look.
    private func untilKnownEmpty(_ bench: Bench) async throws {
        try await eventually("nothing is known to be there") {
            _ = try await wait(bench, for: .milliseconds(50))
            return bench.broker.waitingRoom.isKnownEmpty(queue)
        }
    }

    @Test(
        "who comes again to a queue in which nothing was, and for which nothing rang since, asks the database nothing")
    func comingAgain() async throws {
        let statements = Tally(0)
        try await withStatements({ _ in statements.change { $0 += 1 } }) { bench in
            try await untilKnownEmpty(bench)
            let before = statements.value
            for _ in 0..<200 { #expect(try await wait(bench, for: .milliseconds(1)) == []) }
            // The line by which rings come in is asked now and then whether it is there.
            #expect(statements.value - before < 50, "\(statements.value - before) statements")
            async let waiting = wait(bench, for: hour)
            try await bench.another().send([Outgoing(Shoe(size: 7))], to: bench.shoes)
            #expect(try await waiting.sizes() == [7])
        }
    }

    @Test(
        "what came while nobody waited is there at once for who comes again, by its ring alone, also what was due later"
    )
    func cameMeanwhile() async throws {
        try await Bench.with { impatient in
            let bench = impatient.patient()
            for size in 1...20 {
                try await untilKnownEmpty(bench)
                let delay = size.isMultiple(of: 5) ? Duration.milliseconds(300) : nil
                try await bench.another().send([Outgoing(Shoe(size: size), delay: delay)], to: bench.shoes)
                let held = try await wait(bench, for: hour)
                #expect(try held.sizes() == [size])
                try await bench.broker.complete(held)
            }
        }
    }

    @Test("a queue that was empty, and is deleted before somebody comes again, is told to be gone")
    func deletedMeanwhile() async throws {
        try await Bench.with { impatient in
            let bench = impatient.patient()
            try await untilKnownEmpty(bench)
            #expect(try await bench.another().delete(queue: queue))
            await #expect(throws: QueueError.unknownQueue(queue)) { try await wait(bench, for: hour) }
        }
    }

    @Test(
        "a look that passes over what others have their hands on is no sign that nothing is there: it is made again soon"
    )
    func passedOver() async throws {
        let looks = Tally(0)
        let note: @Sendable (String) -> Void = { if $0.contains("mq.take_lanes") { looks.change { $0 += 1 } } }
        try await withStatements(note) { bench in
            async let waiting = wait(bench, for: hour)
            try await untilHearing(bench)
            let holder = try await Connection.open(bench.database.conninfo)
            // As one who claims does, who then takes less than there is, or goes.
            try await holder.script("BEGIN; SELECT FROM mq.lanes FOR UPDATE")
            let before = looks.value
            try await bench.another().send([Outgoing(Shoe(size: 7))], to: bench.shoes)
            try await eventually("looks were made in vain") { looks.value >= before + 3 }
            try await holder.script("ROLLBACK")
            #expect(try await waiting.sizes() == [7])
            await holder.close()
        }
    }

    @Test(
        "what is known of a queue, and of access keys, holds until there is a ring: by a message, a change, or a new key"
    )
    func quiet() async throws {
        try await Bench.with { impatient in
            let bench = impatient.patient()
            let (broker, other) = (bench.broker, bench.another())
            #expect(!broker.isQuiet(queue, since: .now) && !broker.areAccessKeysQuiet(since: .now), "nobody hears")
            async let waiting = wait(bench, for: hour)
            try await untilHearing(bench)
            var moment = ContinuousClock.now
            #expect(broker.isQuiet(queue, since: moment))
            try await other.change(queue: queue) { $0.labels["a"] = "b" }
            try await eventually("the change is heard of") { !broker.isQuiet(queue, since: moment) }
            #expect(broker.isQuiet(queue, since: .now))
            try await eventually("keys ring, too") { broker.areAccessKeysQuiet(since: .now) }
            for change in [
                { try await other.create(accessKey: .init(id: "A", label: "", sealedSecret: [1], permissions: "[]")) },
                { try await other.rotate(accessKey: "A", to: [2]) }, { try await other.revoke(accessKey: "A") },
            ] as [@Sendable () async throws -> Bool] {
                moment = .now
                #expect(broker.areAccessKeysQuiet(since: moment))
                #expect(try await change())
                try await eventually("the key is heard of") { !broker.areAccessKeysQuiet(since: moment) }
            }
            moment = .now
            try await other.send([Outgoing(Shoe(size: 1))], to: bench.shoes)
            #expect(try await waiting.count == 1)
            try await eventually("the message is heard of") { !broker.isQuiet(queue, since: moment) }
        }
    }

    @Test("a caller whose time to wait has passed leaves, whatever becomes of the others")
    func times() async throws {
        try await Bench.with { bench in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<50 {
                    group.addTask { try await wait(bench, for: .milliseconds(100 + number * 4)).count }
                }
                group.addTask { try await wait(bench, for: hour).count }
                var counts: [Int] = []
                for _ in 0..<50 { counts.append(try await group.next() ?? -1) }
                #expect(counts == Array(repeating: 0, count: 50))
                #expect(bench.broker.waitingRoom.count(for: queue) == 1)
                try await bench.send(1)
                #expect(try await group.next() == 1)
            }
        }
    }

    @Test("a message that becomes due or whose lease ends comes to who waits at its time, though nobody rings")
    func dueAndLeases() async throws {
        try await Bench.with { impatient in
            let bench = impatient.patient()
            async let waiting = wait(bench, for: hour)
            try await untilHearing(bench)
            try await bench.broker.send([Outgoing(Shoe(size: 1), delay: .seconds(2))], to: bench.shoes)
            #expect(try await waiting.count == 1)
            try await bench.send(1)
            // Another process takes it, for two seconds.
            #expect(try await bench.another().receive(queue, lease: .seconds(2)).count == 1)
            let held = try await wait(bench, for: hour)
            #expect(held.map(\.attempt) == [2])
        }
    }

    @Test("a lease that another process takes while somebody waits, and does not keep, ends for who waits")
    func leaseOfAnother() async throws {
        try await Bench.with { bench in
            try await bench.broker.pause(queue)
            async let waiting = wait(bench, for: hour)
            try await untilHearing(bench)
            try await bench.send(1)
            try await bench.broker.pause(queue)
            try await bench.database.execute("UPDATE mq.queues SET paused_at = NULL")
            let other = try await bench.another().receive(queue, lease: .seconds(1))
            let held = try await waiting
            #expect(held.map(\.attempt) == [other.isEmpty ? 1 : 2])
        }
    }

    @Test("from a paused queue nothing comes until it is resumed, and then at once")
    func paused() async throws {
        try await Bench.with { impatient in
            let bench = impatient.patient()
            try await bench.broker.pause(queue)
            try await bench.send(1)
            #expect(try await wait(bench, for: .milliseconds(200)) == [])
            async let waiting = wait(bench, for: hour)
            try await untilHearing(bench)
            try await bench.another().resume(queue)
            #expect(try await waiting.count == 1)
        }
    }

    @Test("callers who are cancelled as messages come take none: each is there for others, with no attempt counted")
    func cancelled() async throws {
        try await Bench.with { bench in
            for round in 0..<10 {
                let got = Tally(0)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<6 {
                        group.addTask {
                            let held = try await wait(bench, for: hour)
                            got.change { $0 += held.count }
                        }
                    }
                    try await untilWaiting(6, in: bench)
                    async let sent: Void = bench.send(4, from: round * 10)
                    group.cancelAll()
                    try await sent
                    while await group.nextResult() != nil {}
                }
                try await eventually("the line is gone") { !bench.broker.waitingRoom.isWaited(for: queue) }
                var rest: [ReceivedMessage] = []
                while rest.count + got.value < 4 { rest += try await wait(bench, limit: 4, for: .seconds(60)) }
                #expect(rest.allSatisfy { $0.attempt == 1 })
                try await bench.broker.complete(rest)
            }
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a look whose caller has left meanwhile gives back what it found, and who comes next gets it")
    func leftMeanwhile() {
        var line = WaitingLine<ReceivedMessage>()
        let ended = Tally<[Int]>([])
        for caller in 1...3 {
            line.join(caller, .init(limit: 1, lease: .seconds(1))) { outcome in
                ended.change { $0.append((try? outcome.get()) == nil ? -caller : caller) }
            }
        }
        #expect(line.serveNext()?.caller == 1)
        line.leave(1)?(.failure(CancellationError()))
        let first = line.finish(1, with: .success([Self.message]))
        #expect(first.answer == nil && first.areUnclaimed)
        #expect(line.serveNext()?.caller == 2)
        // Late, but a look is under way.
        #expect(line.expire(2) == nil)
        let second = line.finish(2, with: .success([]))
        #expect(!second.areUnclaimed)
        second.answer?(.success([]))
        #expect(line.serveNext()?.caller == 3)
        _ = line.finish(3, with: .failure(CancellationError()))
        let third = line.expire(3)
        third.map { $0.answer($0.outcome) }
        #expect(line.serveNext() == nil && line.isEmpty)
        #expect(ended.value == [-1, 2, -3])
    }

    private static var message: ReceivedMessage {
        ReceivedMessage(
            receipt: Receipt(queue: 1, lane: 0, seq: 1, mark: 1), queue: "shoes", attempt: 1,
            message: Message(
                id: MessageID(), topic: nil, key: nil, tag: nil, headers: [:], body: [], sentAt: Date()),
            appendedAt: Date())
    }

    @Test("a queue that isn't there is told at once, and to everybody who waits for one that is deleted")
    func unknown() async throws {
        try await Bench.with { bench in
            await #expect(throws: QueueError.unknownQueue("boots")) {
                try await bench.broker.receive("boots", lease: hour, waiting: hour)
            }
            await #expect(throws: QueueError.self) {
                try await bench.broker.receive(queue, limit: 0, lease: hour, waiting: hour)
            }
            await #expect(throws: QueueError.self) {
                try await bench.broker.receive(queue, lease: hour, waiting: .seconds(400 * 86_400))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try await wait(bench, for: hour) } }
                try await untilWaiting(20, in: bench)
                #expect(try await bench.broker.delete(queue: queue))
                while let next = await group.nextResult() {
                    #expect(throws: QueueError.unknownQueue(queue)) { try next.get() }
                }
            }
        }
    }

    @Test("behind a pooler, where no ring comes in, a message is found by looking")
    func pooler() async throws {
        try await Bench.with(through: .pooler) { bench in
            async let waiting = wait(bench, for: hour)
            try await untilWaiting(1, in: bench)
            try await bench.another().send([Outgoing(Shoe(size: 1))], to: bench.shoes)
            #expect(try await waiting.count == 1)
        }
    }

    @Test("who waits while the server is restarted gets what is sent afterwards")
    func restart() async throws {
        try await OwnServer.with { server in
            var options = DatabaseOptions()
            options.connectionLimit = 4
            let database = Database(server.conninfo, options: options, logger: World.quiet)
            try await Template.queues.prepare(database)
            let bench = try await Bench(on: database)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<5 { group.addTask { try await wait(bench, for: hour).count } }
                try await untilWaiting(5, in: bench)
                try await untilHearing(bench)
                try await server.stop()
                try await server.start()
                try await eventually("the server takes messages") {
                    do { try await bench.send(5) } catch is PostgresError { return false }
                    return true
                }
                var sum = 0
                for try await count in group { sum += count }
                #expect(sum == 5)
            }
            await database.close()
        }
    }

    private enum World {
        static var quiet: Logger {
            var logger = Logger(label: "tests")
            logger.logLevel = .critical
            return logger
        }
    }
}
