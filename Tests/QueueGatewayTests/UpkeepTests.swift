import MessageQueue
import NIOHTTP1
import Postgres
import QueueGateway
import TestSupport
import Testing

extension GatewayTests {
    @Test("gateways do the chores where there is no worker: a half message that nobody has ended in a day is dropped")
    func chores() async throws {
        try await TestDatabase.with(.gateway) { database in
            let broker = Broker(database)
            try await broker.declare(topic: "deals")
            _ = try await broker.prepare(
                Outgoing(RawBody("x")), to: Topic<RawBody>("deals"), by: "shop", check: .seconds(60))
            let aged: Statement = """
                UPDATE mq.half_messages SET (prepared_at, check_at) = (now() - interval '25 hours', now() - interval '1 hour')
                """
            #expect(try await database.execute(aged) == 1)
            try await GatewayProcess.start(on: database) { _ async throws in
                try await eventually("the half message is dropped") {
                    try await broker.topic("deals").droppedHalfMessages == 1
                }
                try await eventually("all chores are done") {
                    try await broker.chores().filter { $0.doneAt != nil && $0.error == nil }.count == 8
                }
            }
        }
    }

    @Test("a gateway is not ready while a chore has failed for an hour, and says which and why")
    func neglectedChore() async throws {
        try await GatewayProcess.with { gateway in
            try await eventually("it is ready") { try await gateway.send(.GET, "/health/ready").status == 200 }
            try await gateway.database.execute(
                """
                INSERT INTO mq.chores (name, failing_since, error) VALUES ('sweep', now() - interval '61 minutes', 'permission denied')
                """)
            let reply = try await gateway.send(.GET, "/health/ready")
            #expect(reply.status == 503)
            #expect(reply.text.contains(#""upkeep":"sweep fails for an hour: permission denied""#), "\(reply.text)")
        }
    }

    @Test("a gateway does not run with a retention outside of its range, and tells which")
    func retention() async throws {
        let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
        let cases = [
            (Broker.Retention(keep: .seconds(-1)), "retention.keep is -1s; it must be from 0s to 366d"),
            (Broker.Retention(rotate: .seconds(367 * 86_400)), "retention.rotate is 367d; it must be from 0s to 366d"),
        ]
        for (retention, complaint) in cases {
            var options = QueueGateway.Options()
            options.retention = retention
            let gateway = QueueGateway(Broker(Database("host=/nobody-serves-here")), secret: secret, options: options)
            await #expect(throws: QueueError.invalidSettings(complaint)) { try await gateway.run() }
        }
    }
}
