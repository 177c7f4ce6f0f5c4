import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What a server had not made durable is not taken for finished once it has begun anew", .timeLimit(.minutes(10)))
struct ServerLifeTests {
    private let hour = Duration.seconds(3600)

    /// A bench on a server of its own, and a way to let that begin anew.
    private func withRestarts(
        _ body: @Sendable (Bench, _ restart: @Sendable () async throws -> Void) async throws -> Void
    ) async throws {
        try await OwnServer.with { server in
            let database = Database(server.conninfo)
            try await Template.queues.prepare(database)
            try await body(Bench(on: database, QueueSettings(lanes: 1))) {
                try await server.stop()
                try await server.start()
                try await eventually("the pool has noticed") { (try? await database.execute("SELECT 1")) != nil }
            }
            await database.close()
        }
    }

    @Test("claims forget up to which place all is finished, and receipts of before stay good")
    func memory() async throws {
        try await withRestarts { bench, restart in
            try await bench.send(5)
            let held = try await bench.broker.receive("shoes", limit: 5, lease: hour)
            try await bench.broker.complete(Array(held.prefix(3)))
            let (entry, memory) = (try await bench.entry(), ClaimMemory())
            let places = try await bench.broker.openPlaces(of: entry, noting: memory).watermarks
            #expect(memory.watermarks(of: entry) == places && places.contains { $0 > 0 })
            // As long as the server lives nothing is forgotten, over whatever connection.
            #expect(
                memory.watermarks(of: try await bench.another().entries(of: ["shoes"], on: bench.database)[0]) == places
            )
            try await restart()
            let later = try await bench.entry()
            #expect(later.origin == entry.origin && later.isStill(entry) && !later.isSame(as: entry))
            #expect(memory.watermarks(of: later) == [])
            try await bench.broker.complete(Array(held.suffix(2)))
            #expect(try await bench.statistics().inFlight == 0)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("messages whose completions the server has lost are found, and handled again")
    func lostCommits() async throws {
        try await withRestarts { bench, restart in
            try await bench.send(5)
            let held = try await bench.broker.receive("shoes", limit: 5, lease: hour)
            try await bench.broker.complete(held)
            // Looks how far everything is finished.
            #expect(try await bench.broker.receive("shoes", limit: 5, lease: hour).isEmpty)
            try await restart()
            // As if they had never reached the disk.
            try await bench.database.execute("DELETE FROM mq.completions")
            try await bench.send(1, from: 5)
            #expect(try await bench.broker.receive("shoes", limit: 5, lease: hour).count == 1)
            try await bench.database.execute("UPDATE mq.claims SET lease_until = now() - interval '1 second'")
            let again = try await bench.broker.receive("shoes", limit: 10, lease: hour)
            #expect(Set(again.compactMap(\.message.key)) == Set((0...5).map { "k\($0)" }))
        }
    }
}
