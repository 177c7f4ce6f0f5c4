import MessageQueue
import MessageQueueTesting
import Postgres
import Testing

@testable import ShoeShop

extension WholeShopTests {
    @Suite("providers in trouble")
    struct ProviderTroubleTests {
        @Test(
            "whatever becomes of a provider's answer, its effect is made once",
            arguments: ["lostAnswer", "malformed", "duplicateAnswer", "error"], ["payment", "logistics"])
        func once(mode: String, provider: String) async throws {
            try await Rig.with { rig in
                try await rig.beVeryPatient()
                try await rig.sandbox.setFault(#"{"mode": "\#(mode)", "rate": 0.5}"#, of: provider)
                let ids = try await rig.submit(Array(repeating: .good, count: 10))
                try await rig.working { try await $0.untilDrained() }
                let ledgers = try await rig.sandbox.ledgers()
                #expect(Set(ledgers.charges.map(\.orderID)) == Set(ids.map(\.description)))
                #expect(ledgers.charges.count == 10 && ledgers.bookings.count == 10 && ledgers.refunds.isEmpty)
                #expect(try await Books.summary(rig.database).delivered == 10)
                try await rig.expectBalance(ids)
            }
        }

        @Test("a refund whose answer is lost is made once")
        func lostRefund() async throws {
            try await Rig.with { rig in
                try await rig.beVeryPatient()
                let id = try await rig.submit([.undeliverable])[0]
                // The charge passes, then answers are lost.
                try await rig.sandbox.setFault(#"{"mode": "lostAnswer", "afterRequests": 1}"#, of: "payment")
                try await rig.working { work in
                    try await work.until { try await !rig.sandbox.ledgers().refunds.isEmpty }
                    try await work.until { try await rig.retries(in: "refunds") > 1 }
                    try await rig.expectBalance([id])
                    try await rig.sandbox.clearFault(of: "payment")
                    try await work.untilDrained()
                }
                #expect(try await rig.sandbox.ledgers().refunds.count == 1)
                #expect(try await rig.order(id).refundedAt != nil)
                try await rig.expectBalance([id])
            }
        }

        @Test("an outage of the carrier only delays: orders are taken and paid meanwhile, and nothing is done twice")
        func outage() async throws {
            try await Rig.with { rig in
                try await rig.beVeryPatient()
                try await rig.sandbox.setFault(#"{"mode": "outage"}"#, of: "logistics")
                try await rig.working { work in
                    let ids = try await rig.submit(Array(repeating: .good, count: 10))
                    try await work.until {
                        let paid = try await rig.count("SELECT count(*) FROM orders.orders WHERE status = 'paid'")
                        return try await rig.retries(in: "logistics") > 20 && paid == 10
                    }
                    try await rig.expectBalance(ids)
                    let summary = try await Books.summary(rig.database)
                    #expect(summary.waiting == 10 && summary.dead == 0)
                    #expect(try await rig.sandbox.ledgers().charges.count == 10)

                    try await rig.sandbox.clearFault(of: "logistics")
                    try await work.untilDrained()
                    #expect(try await rig.sandbox.ledgers().bookings.count == 10)
                    #expect(try await Books.summary(rig.database).delivered == 10)
                    try await rig.expectBalance(ids)
                }
            }
        }

        @Test("an outage longer than the retries ends in dead letters with a reason; redriven, all are dispatched")
        func longOutage() async throws {
            try await Rig.with { rig in
                try await rig.sandbox.setFault(#"{"mode": "outage"}"#, of: "logistics")
                let ids = try await rig.submit(Array(repeating: .good, count: 5))
                let outage = try await rig.test.drain(rig.steps, advancingUpTo: .minutes(5))
                #expect(outage.retried(in: "logistics") == 15 && outage.deadLettered(in: "logistics") == 5)
                #expect(outage.failures.allSatisfy { $0.queue == "logistics" })
                let letters = try await rig.test.deadLetters(of: Workflow.logistics)
                #expect(Set(letters.map(\.payload.order.id)) == Set(ids))
                #expect(letters.map(\.reason) == Array(repeating: "attempts-exhausted", count: 5))
                #expect(letters.allSatisfy { $0.attempts == 4 && $0.error?.contains("unreachable") == true })
                let summary = try await Books.summary(rig.database)
                #expect(summary.dead == 5 && summary.waiting == 0 && summary.lost == 0)
                try await rig.expectBalance(ids)

                try await rig.sandbox.clearFault(of: "logistics")
                #expect(try await rig.broker.redrive().moved == 5)
                try await rig.test.drain(rig.steps).requireAllDone()
                #expect(try await Books.summary(rig.database).delivered == 5)
                #expect(try await rig.sandbox.ledgers().bookings.count == 5)
                try await rig.expectBalance(ids)
            }
        }

        @Test("a provider that hangs fails one attempt at a time, and holds no other queue up")
        func hang() async throws {
            try await Rig.with(deadline: .seconds(2)) { rig in
                try await rig.beVeryPatient()
                try await rig.sandbox.setFault(#"{"mode": "hang"}"#, of: "logistics")
                try await rig.working { work in
                    let ids = try await rig.submit(Array(repeating: .good, count: 3))
                    try await work.until {
                        let invoices = try await rig.count("SELECT count(*) FROM orders.invoices")
                        return try await rig.retries(in: "logistics") > 0 && invoices == 3
                    }
                    try await rig.sandbox.clearFault(of: "logistics")
                    try await work.untilDrained()
                    #expect(try await Books.summary(rig.database).delivered == 3)
                    try await rig.expectBalance(ids)
                }
            }
        }

        @Test("a refund that is refused is tried again, then lies with the dead letters; without that, the books tell")
        func refusedRefund() async throws {
            try await Rig.with { rig in
                let id = try await rig.submit([.of(token: "tok_refund_refused", street: "Nowhere 1")])[0]
                let report = try await rig.test.drain(rig.steps, advancingUpTo: .minutes(5))
                #expect(report.retried(in: "refunds") == 3 && report.failures.count == 4)
                let letter = try await rig.test.deadLetters(of: Workflow.refunds).only()
                #expect(letter.attempts == 4 && letter.reason == "attempts-exhausted" && letter.key == "\(id)")
                #expect(letter.error?.contains("refund_refused") == true)

                let order = try await rig.order(id)
                #expect(order.rejection?.reason == .undeliverable && order.refundedAt == nil)
                #expect(try await rig.stock(.many) == [20, 0, 0])
                try await rig.expectBalance([id])

                #expect(try await rig.broker.redrive().moved == 1)
                try await rig.test.drain(rig.steps, advancingUpTo: .minutes(5))
                #expect(try await rig.broker.deadLetters().count == 1)

                #expect(try await rig.broker.purge().moved == 1)
                let books = try await rig.audit(accepted: [id])
                #expect(books.violations.map(\.detail) == ["nothing drives it on: it is not refunded"])
            }
        }
    }
}

extension Rig {
    /// As many attempts as it takes, soon after one another.
    fileprivate func beVeryPatient() async throws {
        for queue in [Workflow.payment.name, Workflow.logistics.name, Workflow.refunds.name] {
            try await broker.declare(
                queue: queue,
                QueueSettings(retry: RetryPolicy(attempts: 10_000, base: .milliseconds(20), cap: .milliseconds(50))))
        }
    }

    fileprivate func retries(in queue: QueueName) async throws -> Int {
        try await database.query(
            """
            SELECT count(*) FROM mq.completions AS c JOIN mq.queues AS q ON q.id = c.queue
            WHERE q.name = $1 AND c.outcome = 'r'
            """, queue.text
        ) { try $0[0] }[0]
    }
}
