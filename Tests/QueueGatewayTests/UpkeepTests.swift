import MessageQueue
import Postgres
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
}
