import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import TestSupport
import Testing

extension GatewayTests {
    @Test(
        "a gateway killed in the midst of a deletion leaves all as it was; another one does it whole, and once",
        arguments: [
            ("/queues/gone", .deleteQueue), ("/topics/news", .deleteTopic),
        ] as [(String, OperatorAction.Verb)])
    func killedWhileDeleting(_ path: String, _ verb: OperatorAction.Verb) async throws {
        try await GatewayProcess.with { one in
            try await one.makeSubscribedQueue()
            try await one.killWhileDeleting(path)
            // Nothing of it is done.
            let queue = try await one.signed(.GET, "/queues/gone").text
            for kept in ["<ActiveMessages>1<", "<VisibilityTimeout>45<", "<PollingWaitSeconds>7<"] {
                #expect(queue.contains(kept), "\(queue)")
            }
            #expect(try await one.signed(.GET, "/topics/news").text.contains("<MaximumMessageSize>2048<"))
            let subscription = "/topics/news/subscriptions/s"
            #expect(try await one.signed(.GET, subscription).text.contains("<FilterTag>red<"))
            #expect(try await one.deeds(of: verb) == 0)
            // All of it is, whoever asks, and however often.
            for _ in 0..<2 { #expect(try await one.signed(.DELETE, path).status == 204) }
            for gone in [path, subscription] { #expect(try await one.signed(.GET, gone).status == 404, "\(gone)") }
            #expect(try await one.deeds(of: verb) == 1)
            #expect(try await EngineAudit.contradictions(on: one.database) == [])
        }
    }
}

extension GatewayProcess {
    /// A queue with attributes, a message and a subscription to a topic.
    fileprivate func makeSubscribedQueue() async throws {
        let hearing = "<Endpoint>acs:mns:a:b:queues/gone</Endpoint><FilterTag>red</FilterTag>"
        let queue = "<VisibilityTimeout>45</VisibilityTimeout><PollingWaitSeconds>7</PollingWaitSeconds>"
        for (method, target, body) in [
            (.PUT, "/queues/gone", "<Queue>\(queue)</Queue>"),
            (.PUT, "/topics/news", "<Topic><MaximumMessageSize>2048</MaximumMessageSize></Topic>"),
            (.PUT, "/topics/news/subscriptions/s", "<Subscription>\(hearing)</Subscription>"),
            (.POST, "/queues/gone/messages", "<Message><MessageBody>x</MessageBody></Message>"),
        ] as [(HTTPMethod, String, String)] {
            #expect(try await signed(method, target, body).status == 201, "\(target)")
        }
    }

    /// Has another gateway delete something, and kills that once all but the subscription is deleted.
    fileprivate func killWhileDeleting(_ path: String) async throws {
        let holder = try await Connection.open(database.conninfo)
        let holding = try await holder.query("SELECT pg_backend_pid()") { try $0[0, as: Int32.self] }[0]
        try await holder.script("BEGIN; UPDATE mq.subscriptions SET changed_at = changed_at")
        let deleting = Tally<Int32>(0)
        try await GatewayProcess.start(on: database) { process async throws in
            let victim = GatewayProcess(
                address: process.addresses["address"] ?? "", credentials: credentials, broker: broker,
                database: database, process: process)
            async let answer = try? await victim.signed(.DELETE, path)
            let waiting: Statement = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"
            let pid = try await eventually("the deletion waits for the subscription") {
                try await database.query(waiting, holding) { try $0[0, as: Int32.self] }.first
            }
            deleting.change { $0 = pid }
            process.signal(SIGKILL)
            let told = await answer
            #expect(told == nil, "nobody was told that it is done")
        }
        try await holder.script("ROLLBACK")
        await holder.close()
        let living: Statement = "SELECT pid FROM pg_stat_activity WHERE pid = $1"
        try await eventually("what the server did for it has ended") {
            try await database.query(living, deleting.value) { _ in }.isEmpty
        }
    }

    /// How often it was recorded that something was done so.
    fileprivate func deeds(of verb: OperatorAction.Verb) async throws -> Int {
        try await broker.operatorActions(verb: verb).count
    }
}
