import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

extension SystemTests {
    @Test(
        "kill -9 of a worker while 500 orders flow loses nothing and does nothing twice",
        arguments: ShopUnderTest.workers)
    func killedWorker(name: String) async throws {
        try await ShopUnderTest.with { shop, workers in
            // Awaited below, with the audit.
            let orders = Task { try await shop.submit(500) }
            let victim = workers[ShopUnderTest.workers.firstIndex(of: name) ?? 0]
            // In the middle of its work: a part of the orders has been handled by it.
            try await eventually("\(name) is at work") { try await shop.isBusy(name) ? () : nil }
            victim.signal(SIGKILL)
            try await shop.start([name]) { _ in try await shop.expectBalance(accepted: try await orders.value) }
        }
    }

    @Test("two of every worker share the work, and the books balance")
    func twoOfEverything() async throws {
        try await ShopUnderTest.with(workers: ShopUnderTest.workers + ShopUnderTest.workers) { shop, _ in
            try await shop.expectBalance(accepted: try await shop.submit(500))
        }
    }

    @Test("what a killed worker held is handled again by another one, long before its lease ends")
    func rescue() async throws {
        try await ShopUnderTest.with(lease: .seconds(3600)) { shop, workers in
            try await shop.fault("payment", #"{"mode": "hang"}"#)
            let orders = try await shop.submit(20)
            try await eventually("all are in flight") { try await shop.inFlight("payment") == 20 ? () : nil }
            try await shop.start(["payment-worker"]) { _ in
                try await eventually("the other one listens") {
                    try await shop.consumers("payment-worker") == 2 ? () : nil
                }
                workers[2].signal(SIGKILL)
                try await eventually("all are taken again") { try await shop.reclaimed("payment") == 20 ? () : nil }
                try await shop.clearFaults(of: "payment")
                try await shop.expectBalance(accepted: orders)
            }
        }
    }

    @Test("a worker that was stopped beyond its lease and continues changes nothing any more")
    func splitBrain() async throws {
        try await ShopUnderTest.with(lease: .seconds(2)) { shop, workers in
            try await shop.fault("payment", #"{"mode": "hang"}"#)
            let orders = try await shop.submit(20)
            try await eventually("all are in flight") { try await shop.inFlight("payment") == 20 ? () : nil }
            workers[2].signal(SIGSTOP)
            try await shop.start(["payment-worker"]) { _ in
                try await eventually("all are taken away") { try await shop.reclaimed("payment") == 20 ? () : nil }
                try await shop.clearFaults(of: "payment")
                workers[2].signal(SIGCONT)
                try await shop.expectBalance(accepted: orders)
            }
        }
    }

    @Test("a poison message in every queue becomes a dead letter, and its neighbours pass")
    func poison() async throws {
        try await ShopUnderTest.with { shop, _ in
            let broker = Broker(shop.database)
            let queues = Topology.shop.queues.map(\.name)
            for queue in queues { try await broker.send("not what you expect", to: Queue<String>(queue)) }
            let orders = try await shop.submit(100)
            let books = try await shop.books(accepted: orders)
            #expect(books.summary.delivered == 100)
            let dead = try await broker.deadLetters()
            #expect(Set(dead.map(\.queue)) == Set(queues) && dead.count == queues.count)
            #expect(dead.allSatisfy { $0.reason == "unreadable-payload" && $0.attempts == 1 })
        }
    }
}

extension ShopUnderTest {
    /// Whether a worker has finished something, and not everything.
    fileprivate func isBusy(_ worker: String) async throws -> Bool {
        let counts = try await database.query(
            """
            SELECT count(*) FROM mq.claims c JOIN mq.consumers w ON w.id = c.consumer WHERE w.name = $1
            """, worker
        ) { try $0[0, as: Int.self] }
        return (counts.first ?? 0) >= 3
    }

    fileprivate func inFlight(_ queue: QueueName) async throws -> Int {
        try await Broker(database).statistics().first { $0.queue == queue }?.inFlight ?? 0
    }

    fileprivate func consumers(_ worker: String) async throws -> Int {
        try await database.query("SELECT count(*) FROM mq.consumers WHERE name = $1", worker) {
            try $0[0, as: Int.self]
        }
        .first ?? 0
    }

    /// Messages of a queue whose second attempt has been claimed.
    fileprivate func reclaimed(_ queue: QueueName) async throws -> Int {
        try await database.query(
            """
            SELECT count(DISTINCT m.id) FROM mq.messages m JOIN mq.queues q ON q.id = m.queue JOIN mq.claims c
            ON c.queue = m.queue AND c.lane = m.lane AND m.seq BETWEEN c.first_seq AND c.last_seq
            WHERE q.name = $1 AND m.attempt = 2
            """, queue.text
        ) { try $0[0, as: Int.self] }.first ?? 0
    }
}
