import Foundation
import Postgres
import ServiceLifecycle
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Servers note themselves in the database, for people on other machines", .timeLimit(.minutes(5)))
struct ProcessNoteTests {
    private static let address = "http://10.0.0.7:8080"

    @Test("a server is seen with where it listens and what keeps it from being ready, from then on until it goes")
    func life() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            let note = ProcessNote(of: "order-api", on: broker) {
                Self.address
            } troubles: {
                ["upkeep": "it fails\0"]
            }
            let services = ServiceGroup(services: [note], logger: broker.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await services.run() }
                let entry = try await eventually("it is seen") { try await broker.processes().first }
                #expect(entry.name == "order-api" && entry.address == Self.address)
                #expect(entry.version == Broker.libraryVersion && entry.troubles == ["upkeep": "it fails"])
                #expect(entry.silence < 60)
                await services.triggerGracefulShutdown()
                try await group.waitForAll()
            }
            #expect(try await broker.processes().isEmpty)
        }
    }

    @Test("who has fallen silent is forgotten by the others, and noted anew when it speaks again, up since as long")
    func silence() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            let (one, other) = (ProcessIdentity(name: "desk"), ProcessIdentity(name: "gateway"))
            try await broker.note(process: one, at: Self.address, troubles: [:])
            let before = try #require(try await broker.processes().first)
            try await bench.database.execute("UPDATE mq.processes SET heartbeat_at = now() - interval '9 minutes'")
            try await broker.note(process: other, at: Self.address, troubles: [:])
            #expect(try await broker.processes().map(\.name) == ["desk", "gateway"])
            try await bench.database.execute(
                "UPDATE mq.processes SET heartbeat_at = now() - interval '11 minutes' WHERE name = 'desk'")
            try await broker.note(process: other, at: Self.address, troubles: [:])
            #expect(try await broker.processes().map(\.name) == ["gateway"])
            try await broker.note(process: one, at: Self.address, troubles: [:])
            let after = try #require(try await broker.processes().first)
            #expect(after.name == "desk" && after.silence < 60)
            #expect(abs(after.startedAt.timeIntervalSince(before.startedAt)) < 60)
        }
    }
}
