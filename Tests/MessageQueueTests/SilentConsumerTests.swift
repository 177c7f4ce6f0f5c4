import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

/// A stopped server process is as silent as one behind a line that only looks open.
@Suite("A consumer whose line falls silent", .timeLimit(.minutes(10)))
struct SilentConsumerTests {
    @Test("a consumer whose line falls silent leaves the idle lines of the pool with it, and takes another number")
    func leaves() async throws {
        try await TestDatabase.with(.queues) { given in
            var options = DatabaseOptions()
            options.connection.silenceLimit = .seconds(1)
            try await Database.open(given.conninfo, options: options, logger: quiet) { database in
                let broker = Broker(database, logger: quiet)
                try await broker.declare(queue: "shoes")
                let journal = WorkerJournal(logger: quiet, onEvent: nil)
                let consumer = Consumer("silent", version: "1", of: broker, queues: ["shoes"], journal: journal)
                let running = Task { await consumer.run() }
                let before = try await consumer.presence()
                #expect(database.statistics.idle > 0)

                let backend = await before.connection.backendPID
                kill(backend, SIGSTOP)
                defer { kill(backend, SIGCONT) }
                await #expect(throws: PostgresError.self) { try await before.connection.execute("SELECT 1") }
                try await eventually("no line is left that may be as silent") { database.statistics.open == 0 }
                let after = try await consumer.presence()
                #expect(after.id != before.id)
                #expect(
                    try await given.query(
                        "SELECT id FROM mq.consumers WHERE ended_at IS NULL", row: { try $0[0, as: Int64.self] })
                        == [after.id])

                running.cancel()
                await running.value
                await after.connection.close()
            }
        }
    }

    private var quiet: Logger {
        var logger = Logger(label: "tests")
        logger.logLevel = .error
        return logger
    }
}
