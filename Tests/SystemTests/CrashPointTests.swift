import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

extension SystemTests {
    @Test(
        "payment and logistics workers that die in a phase of their work charge and book nothing twice, and lose nothing",
        arguments: StepPhase.allCases)
    func crash(phase: StepPhase) async throws {
        // Some messages are prepared together; how many share a transaction is a matter of chance.
        let point = "\(phase.rawValue):\(phase == .afterPrepare ? 30 : 1)"
        let settings = ["CRASH": point, "WORKER_VERSION": "doomed"]
        try await ShopUnderTest.with(workers: ["order-worker", "stock-worker"]) { shop, _ in
            // Awaited below, with the audit.
            let orders = Task { try await shop.submit(150) }
            try await shop.start(["payment-worker"], settings: settings) { doomed in
                try await eventually("it dies") { doomed[0].hasEnded }
            }
            try await shop.start(["payment-worker"]) { _ in
                try await shop.start(["logistics-worker"], settings: settings) { doomed in
                    try await eventually("it dies") { doomed[0].hasEnded }
                }
                try await shop.start(["logistics-worker"]) { _ in
                    try await shop.expectBalance(accepted: try await orders.value)
                }
            }
            #expect(try await shop.versions() == [Broker.libraryVersion, "doomed"])
        }
    }

    @Test("with a breaker, an outage of the carrier burns few attempts, and everything is delivered afterwards")
    func breaker() async throws {
        try await ShopUnderTest.with(workers: ["order-worker", "stock-worker", "payment-worker"]) { shop, _ in
            try await shop.start(["logistics-worker"], settings: ["BREAKER": "true"]) { _ in
                try await shop.fault("logistics", #"{"mode": "outage"}"#)
                let orders = try await shop.submit(100)
                try await eventually("all are paid") { try await shop.paid() == 100 ? () : nil }
                try await shop.clearFaults(of: "logistics")
                try await shop.expectBalance(accepted: orders)
                // A threshold of five, and what was in flight when it was reached is given back uncounted.
                #expect((1...5).contains(try await shop.failedBookings()))
            }
        }
    }
}

extension ShopUnderTest {
    fileprivate func paid() async throws -> Int {
        try await database.query("SELECT count(*) FROM payment.charges") { try $0[0, as: Int.self] }[0]
    }

    /// Of the workers that talk to third parties.
    fileprivate func versions() async throws -> Set<String> {
        Set(
            try await database.query(
                "SELECT version FROM mq.consumers WHERE name IN ('payment-worker', 'logistics-worker')"
            ) { try $0[0, as: String.self] })
    }

    /// Attempts that were counted as failed.
    fileprivate func failedBookings() async throws -> Int {
        try await database.query(
            """
            SELECT count(*) FROM mq.completions c JOIN mq.queues q ON q.id = c.queue
            WHERE q.name = 'logistics' AND c.outcome = 'r'
            """
        ) { try $0[0, as: Int.self] }[0]
    }
}
