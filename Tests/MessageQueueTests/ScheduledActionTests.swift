import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("What is not due yet is listed, hastened and cancelled by operators")
struct ScheduledActionTests {
    private let ada = Operator("ada", via: "desk")
    private let hour = Duration.seconds(3600)

    /// All pages of what a queue has scheduled.
    private func pages(of limit: Int, in bench: Bench) async throws -> [ScheduledEntry] {
        var (entries, next) = ([ScheduledEntry](), ScheduledPosition?.none)
        repeat {
            let page = try await bench.broker.scheduled(in: "shoes", after: next, limit: limit)
            #expect(page.entries.count <= limit)
            entries += page.entries
            // As a link carries it.
            next = try page.next.map { try #require(ScheduledPosition($0.description)) }
        } while next != nil
        return entries
    }

    /// Fails once, and then waits for an hour.
    private func retrying(_ count: Int, in bench: Bench) async throws -> [ReceivedMessage] {
        try await bench.send(count)
        let held = try await bench.receive()
        try await bench.broker.retry(held.map { .init($0, after: hour, error: "the carrier is away") })
        return held
    }

    private func sizes(_ bench: Bench) async throws -> Set<Int> {
        let held = try await bench.broker.receive("shoes", limit: 100, lease: hour)
        return Set(try held.map { try $0.decoded(as: Shoe.self).payload.size })
    }

    @Test("pages of a queue's scheduled messages show each once, the soonest first, retries and equal times among them")
    func list() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(queue: "boots")
            try await bench.broker.send([Outgoing(Shoe(size: 0), delay: hour)], to: Queue<Shoe>("boots"))
            let later = (10..<17).map { Outgoing(Shoe(size: $0), key: "k\($0)", tag: "t", delay: hour * 2) }
            try await bench.broker.send(later, to: bench.shoes)
            let failed = try await retrying(4, in: bench)
            for limit in [1, 3, 100] {
                let entries = try await pages(of: limit, in: bench)
                #expect(entries.count == 11 && Set(entries.map(\.receipt)).count == 11, "\(limit)")
                #expect(entries.map(\.dueAt) == entries.map(\.dueAt).sorted())
                #expect(Set(entries.prefix(4).map(\.message)) == Set(failed.map(\.message.id)))
                #expect(entries.map(\.attempt) == Array(repeating: 2, count: 4) + Array(repeating: 1, count: 7))
                #expect(Set(entries.suffix(7).compactMap(\.key)) == Set(later.compactMap(\.key)))
                #expect(entries.suffix(7).allSatisfy { $0.tag == "t" })
            }
        }
    }

    @Test("a page of another database, of a queue that is not there, or of less than one entry is refused")
    func refusedPages() async throws {
        try await Bench.with { bench in
            _ = try await retrying(2, in: bench)
            let next = try #require(try await bench.broker.scheduled(in: "shoes", limit: 1).next)
            var parts = next.description.split(separator: ".").map(String.init)
            parts[3] = String((UInt32(parts[3], radix: 16) ?? 0) ^ 1, radix: 16)
            let elsewhere = try #require(ScheduledPosition(parts.joined(separator: ".")))
            await #expect(throws: QueueError.self) {
                try await bench.broker.scheduled(in: "shoes", after: elsewhere)
            }
            await #expect(throws: QueueError.unknownQueue("lost")) { try await bench.broker.scheduled(in: "lost") }
            await #expect(throws: QueueError.self) { try await bench.broker.scheduled(in: "shoes", limit: 0) }
            for text in ["", "p", "p.1.2", "s.1.2.3", "p.x.2.3"] { #expect(ScheduledPosition(text) == nil, "\(text)") }
        }
    }

    @Test("a page is read along the index of what is due, and no more of it than the page has")
    func plan() async throws {
        try await Bench.with { bench in
            try await bench.database.script(
                """
                INSERT INTO mq.scheduled (due_at, queue, attempt, id, sent_at, body)
                SELECT now() + make_interval(secs => n), \(bench.queue) + n % 2, 1, gen_random_uuid(), now(), '1'
                FROM generate_series(1, 40000) AS n;
                ANALYZE mq.scheduled;
                """)
            let values = ["\(bench.queue)", "now()", "0", "50"]
            let sql = values.enumerated().reversed().reduce(Broker.listScheduled.sql) {
                $0.replacing("$\($1.offset + 1)", with: $1.element)
            }
            let plan = try await bench.database.query(Statement("EXPLAIN (COSTS OFF) \(sql)")) {
                try $0[0, as: String.self]
            }
            #expect(plan.contains { $0.contains("Index Scan using scheduled_due") }, "\(plan)")
            #expect(!plan.contains { $0.contains("Seq Scan") || $0.contains("Bitmap") }, "\(plan)")
        }
    }

    @Test("a message that waits for its next attempt is delivered now when an operator says so, and that is recorded")
    func hasten() async throws {
        try await Bench.with { bench in
            let failed = try await retrying(3, in: bench)
            let entries = try await bench.broker.scheduled(in: "shoes").entries
            let chosen = try #require(entries.first { $0.message == failed[1].message.id })
            let done = try await ada.act { try await bench.another().hasten([chosen.receipt], in: "shoes") }
            #expect(done == [chosen.message])
            let held = try await bench.broker.receive("shoes", limit: 10, lease: hour)
            #expect(held.map(\.message.id) == [chosen.message] && held.map(\.attempt) == [2])
            #expect(try await bench.broker.hasten([chosen.receipt], in: "shoes") == [], "it was delivered")
            let told = try await bench.broker.operatorActions()
            #expect(told.map(\.verb) == [.hasten] && told.map(\.messages) == [1] && told.map(\.by) == [ada])
            #expect(told.map(\.detail) == [["messages": "\(chosen.message)"]])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a retry that an operator cancels is never delivered, counted as purged and recorded; its attempts are told")
    func cancel() async throws {
        try await Bench.with { bench in
            let failed = try await retrying(2, in: bench)
            let entries = try await bench.broker.scheduled(in: "shoes").entries
            let chosen = try #require(entries.first { $0.message == failed[0].message.id })
            let done = try await ada.act { try await bench.broker.cancel([chosen.receipt], in: "shoes") }
            #expect(done == [chosen.message])
            #expect(try await bench.broker.cancel([chosen.receipt], in: "shoes") == [])
            let now = try await bench.statistics()
            #expect(now.retrying == 1 && now.purged == 1)
            try await bench.promoteAll()
            #expect(try await sizes(bench) == [1])
            #expect(try await bench.broker.trace("\(chosen.message)").map(\.outcome) == [.retried])
            let told = try await bench.broker.operatorActions()
            #expect(told.map(\.verb) == [.cancelScheduled] && told.map(\.queue) == ["shoes"])
            #expect(told.map(\.detail) == [["messages": "\(chosen.message)"]])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("receipts of another queue or another database are left out, and who finds nothing to do is not recorded")
    func strangers() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(queue: "boots")
            _ = try await retrying(1, in: bench)
            let known = try #require(try await bench.broker.scheduled(in: "shoes").entries.first).receipt
            let strangers = [
                ScheduledReceipt(queue: known.queue, ticket: known.ticket, mark: known.mark ^ 1),
                ScheduledReceipt(queue: known.queue, ticket: known.ticket + 1, mark: known.mark),
                ScheduledReceipt(queue: known.queue + 1, ticket: known.ticket, mark: known.mark),
            ]
            #expect(try await bench.broker.hasten(strangers, in: "shoes") == [])
            #expect(try await bench.broker.cancel(strangers, in: "shoes") == [])
            #expect(try await bench.broker.cancel([], in: "shoes") == [])
            #expect(try await bench.broker.cancel([known], in: "boots") == [])
            await #expect(throws: QueueError.unknownQueue("lost")) {
                try await bench.broker.cancel([known], in: "lost")
            }
            #expect(try await bench.broker.operatorActions().isEmpty)
            #expect(try await bench.statistics().retrying == 1)
        }
    }

    @Test("all that wait for another attempt are delivered now, and what was only delayed keeps its time")
    func hastenAll() async throws {
        try await Bench.with { bench in
            _ = try await retrying(5, in: bench)
            try await bench.broker.send([Outgoing(Shoe(size: 9), delay: hour)], to: bench.shoes)
            let done = try await ada.act { try await bench.broker.hasten(retryingIn: "shoes") }
            #expect(done == 5)
            #expect(try await sizes(bench) == Set(0..<5))
            #expect(try await bench.statistics().scheduled == 1)
            #expect(try await bench.broker.hasten(retryingIn: "shoes") == 0)
            await #expect(throws: QueueError.unknownQueue("lost")) {
                try await bench.broker.hasten(retryingIn: "lost")
            }
            let told = try await bench.broker.operatorActions()
            #expect(told.map(\.messages) == [0, 5] && told.allSatisfy { $0.verb == .hasten && $0.standing == .ended })
            #expect(try await bench.audit() == [])
        }
    }

    @Test("of hastening, cancelling and delivering the same messages at once, one comes to each and nobody is stuck")
    func stampede() async throws {
        try await Bench.with(connections: 12) { bench in
            let count = 60
            let waiting = try await bench.broker.schedule(
                (0..<count).map { Outgoing(Shoe(size: $0), delay: hour) }, to: bench.shoes)
            let cancelled = Tally(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<6 {
                    let hastened = waiting.shuffled().prefix(30).map(\.receipt)
                    let unwanted = waiting.shuffled().prefix(15).map(\.receipt)
                    group.addTask { _ = try await bench.broker.hasten(hastened, in: "shoes") }
                    group.addTask {
                        let gone = try await bench.broker.cancel(unwanted, in: "shoes")
                        cancelled.change { $0 += gone.count }
                    }
                    group.addTask { _ = try await bench.broker.promote(bench.entry(), limit: 5, on: bench.database) }
                }
                try await group.waitForAll()
            }
            try await bench.promoteAll()
            #expect(try await sizes(bench).count + cancelled.value == count)
            #expect(try await bench.statistics().purged == cancelled.value)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("the messages behind a blocked key are listed in their order, page by page")
    func blocked() async throws {
        try await Bench.with(QueueSettings(order: .blockOnFailure)) { bench in
            try await bench.send(4, toEach: ["a", "b"])
            let held = try await bench.receive()
            let failed = held.filter { $0.message.key == "a" }
            try await bench.broker.deadLetter([.init(failed[0], reason: "r", error: "no")])
            try await bench.database.write { bench.broker.holdBack(Array(failed.dropFirst()), in: $0) }
            let first = try await bench.broker.blockedMessages(of: "shoes", key: "a", limit: 3)
            let rest = try await bench.broker.blockedMessages(
                of: "shoes", key: "a", after: try #require(first.last).place)
            #expect((first + rest).map(\.message) == failed.map(\.message.id))
            #expect(first.count == 3 && rest.count == 1)
            #expect(try await bench.broker.blockedMessages(of: "shoes", key: "b").isEmpty)
            #expect(try await bench.broker.blockedMessages(of: "boots", key: "a").isEmpty)
        }
    }
}
