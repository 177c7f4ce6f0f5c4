import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A call that waits and is cancelled", .timeLimit(.minutes(10)))
struct CancelledWaitTests {
    private func receive(_ broker: Broker) async throws { _ = try await broker.receive("shoes", lease: .seconds(60)) }

    private func poll(_ broker: Broker) async throws {
        _ = try await broker.receive("shoes", lease: .seconds(60), waiting: .seconds(600))
    }

    private func check(_ broker: Broker) async throws {
        _ = try await broker.halfMessages(of: "shop", in: "news", waiting: .seconds(600))
    }

    @Test("a call that waits and is cancelled throws Swift's own error, also when a statement is under way")
    func duringStatement() async throws {
        try await Bench.with(connections: 4) { bench in
            try await bench.broker.declare(topic: "news")
            for (table, call) in [("queues", receive), ("queues", poll), ("half_messages", check)] {
                let holder = try await Connection.open(bench.database.conninfo)
                try await holder.script("BEGIN; LOCK TABLE mq.\(table) IN ACCESS EXCLUSIVE MODE")
                // It knows no queue yet.
                let broker = Broker(bench.database)
                let task = Task { try await call(broker) }
                try await eventually("its statement waits for the table") {
                    try await holder.query(
                        "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = $1::regclass", "mq.\(table)"
                    ) { _ in }.count > 0
                }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                await holder.close()
            }
        }
    }
}
