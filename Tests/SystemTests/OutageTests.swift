import Foundation
import LocalPostgres
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

extension SystemTests {
    @Test(
        "Friday afternoon: while the carrier is away orders are accepted and paid, and all are booked once it is back")
    func fridayAfternoon() async throws {
        try await ShopUnderTest.with { shop, _ in
            try await shop.fault("logistics", #"{"mode": "outage"}"#)
            let orders = try await shop.submit(200)
            try await eventually("all are paid") { try await shop.count(status: "paid") == 200 ? () : nil }
            #expect(try await shop.count(status: "dispatched") == 0)
            let meanwhile = try await Aftermath.read(shop.database) { try await shop.ledgers() }
            #expect(meanwhile.paidNotDelivered == 200 && meanwhile.underWay == 200, "\(meanwhile)")
            #expect(meanwhile.failed + meanwhile.toUndoByHand + meanwhile.reservedForNothing == 0, "\(meanwhile)")
            try await shop.clearFaults(of: "logistics")
            try await shop.expectBalance(accepted: orders)
            let after = try await Aftermath.read(shop.database) { try await shop.ledgers() }
            #expect(after.finished == 200 && after.delivered == 200 && after.paidNotDelivered == 0, "\(after)")
            #expect(try await Broker(shop.database).deadLetters().isEmpty)
        }
    }

    @Test("an outage longer than the retries ends in dead letters with a reason, and a redrive delivers them all")
    func longOutage() async throws {
        try await ShopUnderTest.with { shop, _ in
            try await shop.database.execute(
                "UPDATE mq.queues SET max_attempts = 2, backoff_base_ms = 50 WHERE name = 'logistics'")
            try await shop.fault("logistics", #"{"mode": "error"}"#)
            let orders = try await shop.submit(50)
            let broker = Broker(shop.database)
            try await eventually("all are dead letters") {
                try await broker.deadLetters(.init(queue: "logistics")).count == 50 ? () : nil
            }
            let letters = try await broker.deadLetters(.init(reason: "attempts-exhausted"))
            #expect(letters.count == 50 && letters.allSatisfy { $0.error?.contains("logistics") == true })
            try await shop.clearFaults(of: "logistics")
            let report = try await broker.redrive(.init(queue: "logistics"))
            #expect(report.matched == 50 && report.moved == 50 && report.skipped == 0 && report.failed == 0)
            try await shop.expectBalance(accepted: orders)
        }
    }

    @Test(
        "a provider that loses its answers after the effect charges nobody twice",
        arguments: ["lostAnswer", "duplicateAnswer", "malformed"])
    func lostAnswers(mode: String) async throws {
        try await ShopUnderTest.with { shop, _ in
            try await shop.database.execute("UPDATE mq.queues SET backoff_base_ms = 20, backoff_cap_ms = 200")
            try await shop.fault("payment", #"{"mode": "\#(mode)", "rate": 0.5}"#)
            try await shop.fault("logistics", #"{"mode": "\#(mode)", "rate": 0.5}"#)
            let orders = try await shop.submit(100)
            try await shop.expectBalance(accepted: orders)
        }
    }

    @Test("kill -9 of the Postgres postmaster under load: no accepted order is lost, and nobody has to be restarted")
    func killedPostmaster() async throws {
        let folder = "/tmp/shoeshop-crash-\(UUID().uuidString.prefix(8))"
        let postgres = LocalPostgres(directory: folder)
        let watch = try await postgres.removeWithThisProcess()
        let database = Database(try await postgres.start())
        try await Template.openShop.prepare(database)
        try await ShopUnderTest.with(database) { shop, _ in
            // Awaited below, with the audit.
            let orders = Task { try await shop.submit(500) }
            try await eventually("orders flow") { try await shop.count(status: "dispatched") > 20 ? () : nil }
            guard case .running(let postmaster) = try postgres.status() else {
                throw NeverHappened(description: "a server runs")
            }
            kill(postmaster, SIGKILL)
            _ = try await postgres.start()
            try await shop.expectBalance(accepted: try await orders.value)
        }
        await database.close()
        try await postgres.stop()
        // The end of the watch's other end removes the files.
        _ = consume watch
    }
}
