import Logging
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A worker's role can do all that a worker does, and nothing else")
struct RoleTests {
    /// A database whose schema belongs to one role, and a bench that works as another.
    private func asWorker(
        _ settings: QueueSettings = .init(), _ body: @Sendable (_ admin: Database, _ worker: Bench) async throws -> Void
    ) async throws {
        try await TestDatabase.with(.queues) { admin in
            try await TestRole.with(in: admin) { owner, _ in
                try await TestRole.with(in: admin) { worker, database in
                    try await Roles(owner: owner, worker: worker).assign(.messageQueue, in: admin)
                    try await Roles(owner: owner, worker: worker).assign(.messageQueue, in: admin)
                    try await body(admin, try await Bench(on: database, settings))
                }
            }
        }
    }

    @Test(
        "under a worker's role messages go every way that there is: done, retried, dead, redriven, purged, delayed, published, sent once"
    )
    func life() async throws {
        try await asWorker { _, bench in
            let broker = bench.broker
            try await broker.declare(topic: "sold")
            try await broker.subscribe("shoes", to: "sold", tags: ["red"])
            try await broker.publish([Outgoing(Shoe(size: 1), tag: "red")], to: Topic<Shoe>("sold"))
            try await bench.send(5, from: 2)
            #expect(try await broker.sendOnce([Outgoing(Shoe(size: 7))], to: bench.shoes, by: { _ in "once" }) == 1)
            try await broker.send([Outgoing(Shoe(size: 8), delay: .seconds(3600))], to: bench.shoes)
            try await broker.withProducer(of: bench.shoes) { try await $0.send([Outgoing(Shoe(size: 9))]) }
            let held = try await bench.receive()
            #expect(held.count == 8)
            try await broker.complete([held[0]])
            try await broker.retry([.init(held[1], after: .zero, error: "again")])
            try await broker.release([held[2]])
            try await broker.deadLetter(held[3...4].map { .init($0, reason: "r", error: nil) })
            #expect(try await bench.rescue() == 3)
            #expect(try await broker.redrive(.init(message: held[3].message.id)).moved == 1)
            #expect(try await broker.purge().moved == 1)
            let later = try await broker.schedule(
                (10...11).map { Outgoing(Shoe(size: $0), delay: .seconds(3600)) }, to: bench.shoes)
            let listed = try await broker.scheduled(in: "shoes").entries.map(\.message)
            #expect(Set(listed).isSuperset(of: later.map(\.id)))
            #expect(try await broker.hasten([later[0].receipt], in: "shoes").count == 1)
            #expect(try await broker.cancel(later.map(\.receipt), in: "shoes").count == 2)
            #expect(try await broker.hasten(retryingIn: "shoes") == 0)
            try await bench.promoteAll()
            #expect(try await bench.receive().count == 7)
            #expect(try await broker.unsubscribe("shoes", from: "sold"))
            #expect(try await broker.create(subscription: Subscription("hear", of: "sold", to: .queue("shoes"))))
            try await broker.change(subscription: "hear", of: "sold") { $0.tags = ["red"] }
            #expect(try await broker.delete(subscription: "hear", of: "sold"))
            try await broker.change(topic: "sold") { $0.labels["a"] = "b" }
            let half = try await broker.prepare(
                Outgoing(Shoe(size: 9)), to: Topic<Shoe>("sold"), by: "shop", check: .seconds(60))
            #expect(try await broker.halfMessages(of: "shop", in: "sold") == [])
            #expect(try await broker.commit(half: half))
            #expect(try await broker.delete(topic: "sold"))
            let key = NewAccessKey(id: "AK", label: "shop", sealedSecret: [1], permissions: "[]")
            #expect(try await broker.create(accessKey: key))
            try await broker.noteUse(ofAccessKeys: ["AK"])
            #expect(try await broker.rotate(accessKey: "AK", to: [2]))
            #expect(try await broker.revoke(accessKey: "AK"))
            try await broker.changeLabels { $0["a"] = "b" }
            #expect(try await broker.labels() == ["a": "b"])
            try await broker.pause("shoes")
            try await broker.resume("shoes")
            let process = ProcessIdentity(name: "shop")
            for _ in 0..<2 { try await broker.note(process: process, at: "http://127.0.0.1:1", troubles: [:]) }
            #expect(try await broker.processes().map(\.name) == ["shop"])
            try await broker.forget(process: process)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("under a worker's role messages are sent and published once under a name, and producers wait to be asked")
    func names() async throws {
        try await asWorker { _, bench in
            let broker = bench.broker
            let sold = Topic<Shoe>("sold")
            try await broker.declare(topic: "sold")
            try await broker.subscribe("shoes", to: "sold")
            func send() async throws -> SentOnce {
                try await broker.sendOnce([Outgoing(Shoe(size: 1))], to: bench.shoes, under: "n", fingerprint: "f")
            }
            func publish() async throws -> SentOnce {
                try await broker.publishOnce([Outgoing(Shoe(size: 2))], to: sold, under: "n", fingerprint: "f")
            }
            let first = [try await send(), try await publish()]
            let again = [try await send(), try await publish()]
            for (one, other) in zip(first, again) {
                guard case .stored(let ids) = one else {
                    Issue.record("\(one)")
                    continue
                }
                #expect(other == .repeated(ids))
            }
            let sizes = try await bench.receive().map { try $0.decoded(as: Shoe.self).payload.size }
            #expect(sizes.sorted() == [1, 2])
            _ = try await broker.prepare(Outgoing(Shoe(size: 3)), to: sold, by: "shop", check: .seconds(1))
            let asked = try await broker.halfMessages(of: "shop", in: "sold", waiting: .seconds(60))
            #expect(asked.map(\.checks) == [1])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("under a worker's role queues that keep order hold messages back and go on, and limits are kept")
    func order() async throws {
        let settings = QueueSettings(lanes: 2, order: .blockOnFailure, limits: QueueLimits(concurrency: 3, rate: 1000))
        try await asWorker(settings) { _, bench in
            for size in 1...3 { try await bench.broker.send([Outgoing(Shoe(size: size), key: "a")], to: bench.shoes) }
            let first = try await bench.receive(1)
            try await bench.broker.deadLetter([.init(first[0], reason: "r", error: nil)])
            #expect(try await bench.receive().isEmpty)
            #expect(try await bench.broker.retryBlocked("shoes", key: "a"))
            _ = try await bench.broker.promote(bench.entry(), on: bench.database)
            try await bench.broker.complete(try await bench.receive())
            _ = try await bench.broker.promote(bench.entry(), on: bench.database)
            #expect(try await bench.receive().count == 2)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "under a worker's role a queue is deleted with all that is in it, by the owner's rights, and others keep theirs"
    )
    func deletesQueues() async throws {
        try await asWorker { _, bench in
            try await bench.broker.declare(queue: "boots", .init())
            try await bench.broker.send("stays", to: Queue<String>("boots"))
            try await bench.send(3)
            _ = try await bench.receive(1)
            #expect(try await bench.broker.delete(queue: "shoes"))
            #expect(try await !bench.broker.delete(queue: "shoes"))
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == 1)
            #expect(try await bench.broker.statistics().map(\.queue) == ["boots"])
            try await bench.broker.declare(queue: "shoes")
            #expect(try await bench.broker.peek("shoes").isEmpty)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("under a worker's role segments are opened and dropped with the owner's rights, and all chores go well")
    func segments() async throws {
        try await asWorker { admin, bench in
            let keeping = Broker.Retention(keep: .zero, rotate: .zero)
            let housekeeping = Housekeeping(broker: bench.broker, retention: keeping)
            for round in 0..<3 {
                try await bench.send(4, from: round)
                try await bench.broker.complete(try await bench.receive())
                for chore in housekeeping.chores { try await housekeeping.attempt(chore) }
            }
            try await bench.send(1)
            #expect(try await bench.receive().count == 1)
            #expect(try await bench.number("SELECT count(*) FROM mq.segments") <= 2)
            #expect(try await bench.number("SELECT max(segment) FROM mq.segments") == 4)
            #expect(try await bench.broker.neglectedChores(after: .zero).isEmpty)
            let owners = try await admin.query(
                "SELECT count(DISTINCT relowner) FROM pg_class WHERE relnamespace = 'mq'::regnamespace"
            ) { try $0[0, as: Int.self] }
            #expect(owners == [1])
        }
    }

    @Test("a whole worker runs under a worker's role, from its start to its goodbye")
    func worker() async throws {
        try await asWorker { admin, bench in
            try await admin.script("CREATE TABLE effect (size int)")
            try await admin.script("GRANT ALL ON effect TO PUBLIC")
            try await bench.work([Lace()], WorkerOptions(upkeepInterval: .milliseconds(50))) { log in
                try await bench.send(20)
                try await log.done(20)
                // One that fails in passing, as the victim of a deadlock, is tried again.
                try await eventually("the chores are done") {
                    let chores = try await bench.broker.chores()
                    return chores.count == 8 && chores.allSatisfy { $0.failingFor == nil }
                }
            }
            #expect(try await bench.effects() == [20, 0])
        }
    }

    @Test(
        "a worker's role can neither change the schema, nor what is recorded of it, nor what belongs to nobody but the log",
        arguments: [
            "CREATE TABLE mq.mine (n int)", "DROP TABLE mq.scheduled", "ALTER TABLE mq.queues ADD COLUMN mine int",
            "DELETE FROM mq.migrations", "UPDATE mq.identity SET id = gen_random_uuid()", "DELETE FROM mq.messages",
            "UPDATE mq.messages SET key = ''", "DELETE FROM mq.completions", "DELETE FROM mq.claims",
            "DELETE FROM mq.queues", "DELETE FROM mq.access_keys", "UPDATE mq.access_keys SET permissions = '{}'",
            "SELECT mq.give_to(current_user)", "CREATE OR REPLACE VIEW mq.head AS SELECT 0::bigint AS base",
            "SELECT mq.make_segment(9)", "TRUNCATE mq.scheduled", "CREATE INDEX ON mq.scheduled (key)",
            "CREATE FUNCTION mq.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE SCHEMA mine",
            "CREATE TRIGGER mine BEFORE INSERT ON mq.messages EXECUTE FUNCTION mq.tally()", "DROP SCHEMA mq CASCADE",
            "ALTER FUNCTION mq.drop_segment(int) SECURITY INVOKER", "DROP FUNCTION mq.lock_class",
            "INSERT INTO mq.migrations VALUES ('message-queue', 2, '', 1)", "DELETE FROM mq.segments",
            "SELECT * FROM mq.messages_1", "SELECT * FROM public.secret",
            "SELECT * FROM pg_authid", "COPY mq.messages TO '/tmp/messages'",
        ])
    func nothingElse(_ statement: String) async throws {
        try await asWorker { admin, bench in
            try await admin.script("CREATE TABLE public.secret (n int)")
            let error = await #expect(throws: PostgresError.self) { try await bench.database.script(statement) }
            #expect(error?.sqlState == "42501")
        }
    }

    @Test(
        "with the functions for segments a worker's role can't do away with a message, nor get in the way of the next segment",
        arguments: [
            ("drop_segment(2)", "55006"), ("drop_segment(1)", "55006"), ("advance_head(1)", "22023"),
            ("advance_head(3)", "22023"),
            ("open_segment(2)", "22023"), ("open_segment(4)", "22023"), ("open_segment(8388607)", "22023"),
            ("open_segment(NULL)", "22023"), ("advance_head(NULL)", "22023"), ("drop_segment(NULL)", "55006"),
        ])
    func lent(_ call: String, _ state: String) async throws {
        try await asWorker { admin, bench in
            try await bench.send(5)
            try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero))
            try await bench.send(5, from: 5)
            let error = await #expect(throws: PostgresError.self) {
                try await bench.database.script("SELECT mq.\(call)")
            }
            #expect(error?.sqlState == state, "\(error?.message ?? "")")
            try await bench.broker.retire(.init(keep: .seconds(3600), rotate: .zero))
            #expect(try await bench.receive(5).count + bench.receive(5).count == 10)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("what was lent to a role beyond a worker's rights is taken back when they are lent anew")
    func takenBack() async throws {
        try await TestDatabase.with(.queues) { admin in
            try await TestRole.with(in: admin) { owner, _ in
                try await TestRole.with(in: admin) { name, worker in
                    let roles = Roles(owner: owner, worker: name)
                    try await roles.assign(.messageQueue, in: admin)
                    try await admin.script(
                        "GRANT ALL ON ALL TABLES IN SCHEMA mq TO \(name); GRANT ALL ON SCHEMA mq TO \(name)")
                    try await worker.script("DELETE FROM mq.queues; CREATE TABLE mq.mine ()")
                    try await roles.assign(.messageQueue, in: admin)
                    for statement in ["DELETE FROM mq.queues", "CREATE TABLE mq.yours ()", "SELECT FROM mq.mine"] {
                        let error = await #expect(throws: PostgresError.self) { try await worker.script(statement) }
                        #expect(error?.sqlState == "42501")
                    }
                }
            }
        }
    }

    @Test("rights are given and lent anew beside those who send and receive, waiting for none", .timeLimit(.minutes(2)))
    func besideTraffic() async throws {
        try await asWorker { admin, bench in
            let names = try await admin.query(
                "SELECT nspowner::regrole::text, $1 FROM pg_namespace WHERE nspname = 'mq'",
                try await bench.database.query("SELECT current_user::text") { try $0[0, as: String.self] }[0]
            ) { Roles(owner: try $0[0], worker: try $0[1]) }
            let busy = try await bench.database.dedicatedConnection(named: "busy")
            try await busy.script(
                """
                BEGIN;
                INSERT INTO mq.head_messages (seq, queue, lane, attempt, id, sent_at, body)
                    SELECT base + 1, \(bench.queue), 0, 1, gen_random_uuid(), now(), '{"size":1}' FROM mq.head;
                SELECT FROM mq.lanes FOR UPDATE;
                SELECT FROM mq.claims, mq.completions, mq.scheduled, mq.held, mq.dead_letters, mq.queues, mq.consumers;
                """)
            try await names[0].assign(.messageQueue, in: admin)
            try await busy.script("COMMIT")
            await busy.close()
            #expect(try await bench.receive().count == 1)
        }
    }

    @Test(
        "somebody to whom nothing was lent can touch neither segments nor queues, though everybody may call functions")
    func strangers() async throws {
        try await TestDatabase.with(.queues) { admin in
            try await TestRole.with(in: admin) { name, stranger in
                try await admin.script("GRANT USAGE ON SCHEMA mq TO \(name)")
                for call in [
                    "open_segment(9)", "advance_head(1)", "unfinished_in(1, 1)", "has_unfinished(1)", "drop_segment(1)",
                    "delete_queue('shoes')",
                ] {
                    let error = await #expect(throws: PostgresError.self) {
                        try await stranger.script("SELECT mq.\(call)")
                    }
                    #expect(error?.sqlState == "42501")
                }
            }
        }
    }
}
