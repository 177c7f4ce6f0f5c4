import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

@testable import Scenarios

extension DatabaseTroubleTests {
    @Test("poison: unreadable messages come into every queue of the shop, or into one")
    func poison() async throws {
        try await ServerUnderTest.withShop { server, broker in
            try await PoisonTrouble(queue: nil, count: 2, on: server).begin()
            try await PoisonTrouble(queue: "payment", count: 501, on: server).begin()
            let depths = try await broker.statistics().map { [$0.queue: $0.depth] }
            let all = Topology.shop.queues.map { [$0.name: $0.name == "payment" ? 503 : 2] }
            #expect(Set(depths) == Set(all))
            let error = await #expect(throws: ScenarioError.self) {
                try await PoisonTrouble(queue: "boots", count: 1, on: server).begin()
            }
            #expect(error?.reason == .unknownName)
        }
    }

    @Test("poison that can't be sent yet, since the server is away, is told, and comes once it is back")
    func poisonLater() async throws {
        try await ServerUnderTest.withShop { server, broker in
            let downTime = DatabaseTrouble(.kill, on: server)
            try await downTime.begin()
            let told = Tally<[String]>([])
            let poison = PoisonTrouble(queue: "orders", count: 2, on: server) { text in
                told.change { $0.append(text) }
            }
            let sending = Task { try await poison.begin() }
            try await eventually("it is told") {
                told.value.contains { $0.contains("the queues can't be reached yet, trying again") }
            }
            try await downTime.end()
            try await sending.value
            let depth = try await eventually("the pool is back") { try? await broker.statistics(of: "orders").depth }
            #expect(depth == 2)
        }
    }

    @Test(
        "a worker whose clock is wrong by hours makes dead letters of poison, and redriven ones die again",
        .enabled(if: FakeTime.isInstalled, "clocks can be made wrong on Linux only"), arguments: [-3, 3])
    func redrive(hours: Int) async throws {
        try await ServerUnderTest.withShop { server, broker in
            var environment = try FakeTime.environment(offset: .seconds(hours * 3600))
            environment.merge(["DATABASE_URL": server.conninfo, "LOG_LEVEL": "critical"]) { $1 }
            try await TestProcess.with("order-worker", environment: environment) { _ in
                try await PoisonTrouble(queue: "orders", count: 3, on: server).begin()
                let dead = try await broker.dead(in: "orders", after: 0)
                try await PoisonTrouble(queue: "invoices", count: 1, on: server).begin()
                let others = try await broker.dead(in: "invoices", after: 0, count: 1)

                try await RedriveTrouble(queue: "orders", on: server).begin()
                _ = try await broker.dead(in: "orders", after: dead)
                #expect(try await broker.dead(in: "invoices", after: 0, count: 1) == others)
                try await RedriveTrouble(queue: nil, on: server).begin()
                _ = try await broker.dead(in: "invoices", after: others, count: 1)
            }
            let error = await #expect(throws: ScenarioError.self) {
                try await RedriveTrouble(queue: "boots", on: server).begin()
            }
            #expect(error?.reason == .unknownName)
        }
    }
}

extension Broker {
    /// Waits for so many dead letters that came after a ticket, and answers the last ticket.
    fileprivate func dead(in queue: QueueName, after ticket: Int64, count: Int = 3) async throws -> Int64 {
        try await eventually("dead letters in \(queue)") {
            let letters = try await deadLetters(DeadLetterFilter(queue: queue)).filter { $0.ticket > ticket }
            return letters.count == count ? letters.map(\.ticket).max() : nil
        }
    }
}

extension ServerUnderTest {
    /// As ``with(_:)``, with the shop's schema and queues, which are empty.
    static func withShop(_ body: (ScenarioServer, Broker) async throws -> Void) async throws {
        try await with { server, database in
            try await database.script(
                """
                DROP SCHEMA IF EXISTS mq, shop, orders, stock, payment, logistics CASCADE
                """)
            try await Migrator.shop.run(on: database)
            let broker = Broker(database)
            try await broker.declare(Topology.shop)
            try await body(server, broker)
        }
    }
}
