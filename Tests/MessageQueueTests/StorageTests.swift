import Foundation
import Postgres
import Testing

@testable import MessageQueue

@Suite("The storage keeps its promises")
struct StorageTests {
    @Test("statistics match a full count, through a random history", arguments: 1...3)
    func statistics(history: Int) async throws {
        try await Bench.with(QueueSettings(lanes: 3)) { bench in
            var held: [ReceivedMessage] = []
            for step in 0..<60 {
                let some = Array(held.prefix(Int.random(in: 0...held.count)))
                switch Int.random(in: 0..<9) {
                case 0, 1: try await bench.send(Int.random(in: 1...20), from: step * 100)
                case 2, 3: held += try await bench.receive(Int.random(in: 1...15))
                case 4: try await bench.broker.complete(some)
                case 5: try await bench.broker.retry(some.map { .init($0, after: .seconds(60), error: "") })
                case 6: try await bench.broker.deadLetter(some.map { .init($0, reason: "r", error: nil) })
                case 7:
                    _ = try await bench.broker.redrive()
                    try await bench.promoteAll()
                default: try await bench.broker.retire(Broker.Retention(keep: .seconds(3600), rotate: .zero))
                }
                held = try await bench.open(among: held)
                let told = try await bench.statistics()
                let counted = try await bench.counted()
                #expect(
                    [told.depth, told.inFlight, told.scheduled, told.retrying, told.dead, told.appended] == counted,
                    "step \(step)")
                #expect((told.oldestWaiting == nil) == (told.depth == 0))
            }
            try await bench.database.execute(Broker.foldTallies)
            #expect(try await bench.statistics().dead == (try await bench.counted())[4])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("with a snapshot held open elsewhere the hot path leaves no dead row, and nothing updates")
    func noDeadRows() async throws {
        try await Bench.with { bench in
            let holder = try await bench.database.dedicatedConnection(named: "holder")
            try await holder.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM mq.messages")
            for round in 0..<30 {
                try await bench.send(10, from: round * 10)
                let held = try await bench.receive()
                try await bench.broker.complete(held)
            }
            // What a row that was updated or deleted shows for good: the transaction that did it.
            for log in ["messages", "claims", "completions"] {
                #expect(try await bench.number(Statement("SELECT count(*) FROM mq.\(log) WHERE xmax <> 0")) == 0)
                let gaps =
                    """
                    SELECT count(*) FROM (SELECT (ctid::text::point)[0] AS page, max((ctid::text::point)[1]) \
                    <> count(*) AS has FROM mq.\(log)_1 GROUP BY 1) AS p WHERE has
                    """
                #expect(try await bench.number(Statement(gaps)) == 0, "no row of \(log) is hidden")
            }
            await holder.close()
        }
    }

    @Test("right after a burst, without statistics, no hot statement reads the backlog", .timeLimit(.minutes(10)))
    func burst() async throws {
        try await Bench.with(connections: 1) { bench in
            try await bench.send(1)
            try await bench.broker.complete(try await bench.receive())
            try await bench.database.execute(
                """
                INSERT INTO mq.messages (seq, queue, lane, attempt, id, sent_at, body)
                SELECT (1::bigint << 40) + 10 + n, q.id, lane, 1, gen_random_uuid(), now(), '{"size":1}'
                FROM mq.queues q, generate_series(0, 7) AS lane, generate_series(1, 25000) AS n
                """)
            let before = try await rowsRead(bench)
            for _ in 0..<20 {
                let held = try await bench.receive(100)
                #expect(held.count == 100)
                try await bench.broker.complete(held)
                try await bench.send(5)
            }
            _ = try await bench.statistics()
            let held = try await bench.receive(10)
            try await bench.broker.deadLetter(held.map { .init($0, reason: "r", error: nil) })
            _ = try await bench.broker.trace(held[0].message.id.description)
            let after = try await rowsRead(bench)
            #expect(after - before < 50_000, "\(after - before) rows were read for 2,110 messages among 200,000")
        }
    }

    /// Rows that scans and index walks brought up in the log's first segment; the same backend flushes what it counted.
    private func rowsRead(_ bench: Bench) async throws -> Int {
        try await bench.database.execute("SELECT pg_stat_force_next_flush()")
        try await bench.database.execute("SELECT 1")
        return try await bench.number(
            """
            SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int8 FROM pg_stat_user_tables
            WHERE schemaname = 'mq' AND relname IN ('messages_1', 'claims_1', 'completions_1')
            """)
    }

    private static let statements: [Statement] = [
        Consumer.commitHere,
        Broker.listChores, Broker.choreDone, Broker.choreFailed, Broker.choreWaiting,
        Broker.listLockHolders, Broker.topics, Broker.consumers,
        Broker.listProcesses, Broker.beginNote, Broker.noteProcess, Broker.forgetProcess, Broker.forgetSilent,
        SentKeys.ofQueues.take,
        SentKeys.ofQueues.namedIDs, SentKeys.ofTopics.take, SentKeys.ofTopics.namedIDs, SentKeys.ofTopics.forget,
        SentKeys.ofQueues.forget, Broker.depths, Broker.foldTallies,
        Catalogue.everything, Catalogue.oneQueue,
        Broker.bury, Broker.buryRefused, Broker.lockClaims, Broker.extend, Broker.claim, Broker.listDead,
        Broker.matchDead,
        Broker.stillDead,
        Broker.queuesOf, Broker.redrive, Broker.purge, Broker.fanOut, Broker.scheduleAgain, Doorbell.notify,
        Broker.keepWatermarks,
        Broker.leaseEnds, Broker.complete, Broker.completeWithErrors, Broker.rotationDue, Broker.old,
        Broker.isThere,
        Broker.unfinished,
        Broker.append, Broker.scheduleNew, Broker.promote, Broker.trace, Broker.findAbandoned, Broker.findEnded,
        Broker.expire,
        Broker.findGone, Broker.endConsumers, Broker.declareQueue, Broker.declareLanes, Broker.declareTopic,
        Broker.subscribe, Broker.unsubscribe, Consumer.register, Consumer.lock, Consumer.beat, Upkeep.oldestOfName,
        Broker.claimInOrder, Broker.hold, Broker.pass, Broker.replay, Broker.listBlocked, Broker.lockKey, Broker.goOn,
        Broker.unblock, Broker.freshAttempts, Broker.buryHead, Broker.appendSorted, Broker.setLimits, Broker.lockFlow,
        Broker.openSince, EngineAudit.all, Broker.appendOne, Broker.appendMany, ProducerLane.lock, ProducerLane.unlock,
        Origin.ask, Origin.check, Origin.confirm, Broker.lanesToWalk, Broker.walk, Broker.attemptsAt, Broker.inspect,
        Broker.groupDead, Broker.countDead, Broker.setPaused, Broker.listActions, Broker.listActionsByPerson,
        Broker.listActionsByQueue, Broker.listActionsByVerb, Broker.beginAction, Broker.endAction,
        Broker.acknowledge, Broker.changeVisibility, Broker.extendOwn, Broker.peek, Broker.deleteQueue,
        Broker.claimYoung, Broker.claimHandful, Broker.claimYoungHandful,
        Broker.discardOutdated, Broker.listQueues, Broker.readQueue, Broker.lockQueue, Broker.createQueue,
        Broker.changeQueue,
        Broker.newestScheduled, Broker.purgeScheduled, Broker.lockHeldKeys, Broker.purgeHeld, Broker.forgetKeysOfPurged,
        Broker.ends, Broker.takeAllLanes, Broker.purgeWaiting, Broker.holdings, Broker.beat, Broker.steer,
        Broker.limitAction, Broker.activity, Broker.topicRates,
        Broker.redriven, Broker.forgetRedriven, Broker.outcomes, Broker.dueLevels, Broker.cancelScheduled,
        Broker.reschedule, Broker.firstReceived,
        Broker.createKey, Broker.readKey, Broker.listKeys, Broker.rotateKey, Broker.revokeKey, Broker.noteUse,
        Broker.ringForKeys, Broker.hasMore,
        Broker.prepareHalf, Broker.commitHalf, Broker.rollBackHalf, Broker.checkHalves, Broker.dropHalves,
        Broker.nextCheck, Broker.giveBackHalves,
        Broker.createTopic, Broker.readTopic, Broker.lockTopic, Broker.listTopics, Broker.changeTopic,
        Broker.deleteTopic,
        Broker.readSubscription, Broker.listSubscriptions, Broker.createSubscription, Broker.changeSubscription,
        Broker.deleteSubscription, Broker.readLabels, Broker.lockLabels, Broker.changeLabels,
        Broker.listDeadHeads, Broker.overstaying, Broker.holders, Broker.keptAttempts,
        Broker.listScheduled, Broker.hasten, Broker.hastenRetrying, Broker.cancelChosen, Broker.listBlockedMessages,
        Broker.publishLater,
    ]

    /// Where the server can't infer a parameter's type, it is the client that says it.
    private static let types: [Statement: String] = [
        Broker.claim: "(int, int, int, bigint, float8, bigint[], timestamptz, float8, int, bigint)",
        Broker.claimYoung: "(int, int, int, bigint, float8, bigint[], timestamptz, float8, int, bigint)",
        Broker.claimHandful: "(int, int, int, bigint, float8, bigint[], timestamptz, float8, int, bigint)",
        Broker.claimYoungHandful: "(int, int, int, bigint, float8, bigint[], timestamptz, float8, int, bigint)",
        Broker.hold: "(int, smallint[], bigint[], smallint[], float8[], text[])",
    ]

    @Test("every statement prepares against the migrated schema")
    func prepares() async throws {
        try await Bench.with { bench in
            let connection = try await bench.database.dedicatedConnection(named: "preparer")
            for (number, statement) in Self.statements.enumerated() {
                let types = Self.types[statement] ?? ""
                do { try await connection.script("PREPARE probe_\(number)\(types) AS \(statement.sql)") } catch {
                    Issue.record(error)
                }
            }
            await connection.close()
        }
    }

    @Test("no statement of the sources is missing from the list of those that are prepared")
    func listIsComplete() throws {
        let tests = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let sources = tests.appending(path: "../../Sources/MessageQueue").standardized
        let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
        var count = 0
        for case let file as URL in files where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            count += text.matches(of: #/static let \w+(: Statement =| = Statement\(| = appending\()/#).count
            // Those of ``SentKeys``: for queues, and for topics.
            count += 2 * text.matches(of: #/\n    let \w+: Statement(?=\n)/#).count
        }
        #expect(count == Self.statements.count)
    }
}

extension Bench {
    fileprivate func open(among held: [ReceivedMessage]) async throws -> [ReceivedMessage] {
        let closed = Set(
            try await database.query("SELECT lane, seq FROM mq.completions") {
                "\(try $0[0, as: Int.self]).\(try $0[1, as: Int.self])"
            })
        return held.filter { !closed.contains("\($0.receipt.lane).\($0.receipt.seq)") }
    }

    /// Depth, in flight, scheduled, retrying, dead and appended, by counting everything.
    fileprivate func counted() async throws -> [Int] {
        try await database.query(
            """
            SELECT count(*) FILTER (WHERE NOT claimed), count(*) FILTER (WHERE claimed AND NOT completed),
                (SELECT count(*) FROM mq.scheduled WHERE attempt = 1), (SELECT count(*) FROM mq.scheduled WHERE attempt > 1),
                (SELECT count(*) FROM mq.dead_letters), count(*)
            FROM (SELECT EXISTS (SELECT FROM mq.claims c WHERE c.lane = m.lane AND m.seq BETWEEN c.first_seq AND c.last_seq) AS claimed,
                EXISTS (SELECT FROM mq.completions d WHERE d.lane = m.lane AND d.seq = m.seq) AS completed
                FROM mq.messages m) AS all_of_them
            """
        ) { row in try (0..<6).map { try row[$0, as: Int.self] } }[0]
    }
}
