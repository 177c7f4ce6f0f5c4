import Foundation
import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport
import Testing

@testable import ShoeShop

@Suite("Cancelling an order", .timeLimit(.minutes(10)))
struct CancellationTests {
    @Test(
        "an order cancelled at any point between two messages, whichever goes first, ends in one of dispatched and cancelled",
        arguments: [false, true], [false, true])
    func everyPoint(isTrackedFirst: Bool, isCancelledFirst: Bool) async throws {
        try await PaperShop.with { shop in
            let way = isTrackedFirst ? Array(shop.steps.reversed()) : shop.steps
            let rest = isCancelledFirst ? Array(shop.steps.reversed()) : shop.steps
            var ends: [String] = []
            var isOver = false
            while !isOver {
                let id = try await shop.submit()
                for _ in 0..<ends.count where !isOver { isOver = try await !shop.move(way) }
                let isBooked = shop.providers.ledgers.bookings.contains { $0.orderID == "\(id)" }
                let answer = try await shop.cancel(id)
                if isOver { #expect(answer == .tooLate(.dispatched, detail: "SHOE-\(id)")) }
                try await shop.finish(rest)
                let end = try await shop.end(of: id)
                if isCancelledFirst || isBooked { #expect(end == (isBooked ? "dispatched" : "cancelled")) }
                #expect(["dispatched", "cancelled"].contains(end))
                let again = try await shop.cancel(id)
                #expect(again == (end == "cancelled" ? .cancelled : .tooLate(.dispatched, detail: "SHOE-\(id)")))
                #expect(try await shop.violations() == [])
                ends.append(end)
            }
            #expect(ends.count == 9 + 1)
            #expect(try await shop.test.drain(shop.steps).handled.isEmpty)
        }
    }

    @Test("an order that an operator calls off again and again is recorded once")
    func recordedOnce() async throws {
        try await PaperShop.with { shop in
            let id = try await shop.submit()
            let (cancel, database) = (CancelOrder(shop.shop.broker), shop.shop.database)
            for _ in 0..<3 {
                #expect(try await cancel.commit(id, by: Operator("ada", via: "desk"), on: database) == .asked)
            }
            #expect(try await shop.shop.broker.operatorActions().map(\.detail["did"]) == ["cancel order"])
        }
    }

    @Test(
        "cancelled in any order of events, with repeated ones, providers in trouble and calls that are out, the books always balance",
        arguments: 1...16 as ClosedRange<UInt64>)
    func anyOrder(seed: UInt64) async throws {
        try await PaperShop.with { shop in
            let dice = Tally(Dice(seed: seed))
            @Sendable func roll(_ sides: Int) -> Int {
                var number = 0
                dice.change { number = Int.random(in: 0..<sides, using: &$0) }
                return number
            }
            var orders: [OrderID: String] = [:]
            for (draft, end) in [
                (OrderDraft.good, "dispatched"), (.of([(.many, 3)]), "dispatched"), (.of([(.last, 1)]), "dispatched"),
                (.of(token: "tok_declined"), "rejected"), (.undeliverable, "rejected"),
            ] {
                orders[try await shop.submit(draft)] = end
            }
            shop.providers.meanwhile { _, order in
                switch roll(8) {
                case 0: return .unreachable
                case 1: return .lostAnswer
                case 2:
                    try await shop.cancelDecidedly(order)
                    return [.unreachable, .lostAnswer, nil][roll(3)]
                default: return nil
                }
            }
            for _ in 0..<90 {
                switch roll(10) {
                case 0: try await shop.cancel(orders.keys.sorted()[roll(orders.count)])
                case 1: try await shop.repeatOne(roll(1000))
                case 2: try await shop.test.advance(by: .seconds(1))
                default:
                    let start = roll(shop.steps.count)
                    _ = try await shop.move(Array(shop.steps[start...] + shop.steps[..<start]))
                }
                #expect(try await shop.violations() == [], "seed \(seed)")
            }
            try await shop.finish()
            for (id, end) in orders {
                let order = try await shop.order(id)
                let actual = try await shop.end(of: id)
                #expect(actual == end || actual == "cancelled" && order.cancellation != nil, "seed \(seed)")
            }
            #expect(try await shop.violations() == [], "seed \(seed)")
            #expect(try await shop.shop.broker.deadLetters().isEmpty)
        }
    }

    @Test("an order cancelled before the payment charges nobody, and the shoes go back")
    func unpaid() async throws {
        try await PaperShop.with { shop in
            let id = try await shop.submit()
            while try await shop.move([PriceOrders(shop.shop), ReserveStock(shop.shop)]) {}
            try await shop.cancelDecidedly(id)
            _ = try await shop.test.handle(with: CancelPayment(shop.shop))
            try await shop.finish()
            #expect(try await shop.end(of: id) == "cancelled" && shop.providers.calls.isEmpty)
            #expect(try await shop.milestones(of: id) == [.received, .priced, .cancelled])
        }
    }

    @Test("an order cancelled while a charge is out has the charge refunded, and its timeline tells of both")
    func charging() async throws {
        try await PaperShop.with { shop in
            let id = try await shop.submit()
            shop.providers.meanwhile { call, order in
                guard call == .charge else { return nil }
                try await shop.cancelDecidedly(order)
                _ = try await shop.test.handle(with: CancelPayment(shop.shop))
                return nil
            }
            try await shop.finish()
            #expect(try await shop.end(of: id) == "cancelled" && shop.providers.calls == [.charge, .refund])
            let told = Set(try await shop.milestones(of: id))
            #expect(told == [.received, .priced, .reserved, .paid, .cancelled, .refunded])
            #expect(try await shop.order(id).refundedAt != nil)
        }
    }

    @Test("a charge whose answer was lost is found out about, and refunded, though the order is cancelled meanwhile")
    func lostCharge() async throws {
        try await PaperShop.with { shop in
            let id = try await shop.submit()
            shop.providers.meanwhile { call, _ in call == .charge ? .lostAnswer : nil }
            try await shop.test.drain(shop.steps, limit: .seconds(150))
            try await shop.cancelDecidedly(id)
            shop.providers.meanwhile { _, _ in nil }
            try await shop.finish()
            #expect(try await shop.end(of: id) == "cancelled")
            #expect(shop.providers.ledgers.refunds.count == 1)
        }
    }

    @Test("a refund that the provider refuses is tried again, then lies with the dead letters, and is never forgotten")
    func refusedRefund() async throws {
        try await PaperShop.with { shop in
            let retry = RetryPolicy(attempts: 3, base: .seconds(1), cap: .seconds(1))
            try await shop.shop.broker.declare(queue: Workflow.refunds.name, QueueSettings(retry: retry))
            let id = try await shop.submit(.of(token: "tok_refund_refused"))
            shop.providers.meanwhile { call, _ in call == .book ? .unreachable : nil }
            try await shop.test.drain(shop.steps, limit: .seconds(150))
            try await shop.cancelDecidedly(id)
            let report = try await shop.test.drain(shop.steps, advancingUpTo: .hours(1), limit: .seconds(150))
            #expect(report.retried(in: "refunds") == 2 && report.deadLettered(in: "refunds") == 1)
            let letter = try await shop.test.deadLetters(of: Workflow.refunds).only()
            #expect(letter.payload.orderID == id && letter.error?.contains("refund_refused") == true)
            let order = try await shop.order(id)
            #expect(order.status == "cancelled" && order.refundedAt == nil)
            #expect(try await shop.violations() == [])
            #expect(try await shop.shop.broker.purge().moved == 1)
            #expect(
                try await shop.violations() == ["orders: \(id): nothing drives it on: it is cancelled and not refunded"]
            )
        }
    }

    @Test("a cancellation during an outage of the carrier is granted at once, and the carrier isn't called any more")
    func outage() async throws {
        try await PaperShop.with { shop in
            let id = try await shop.submit()
            shop.providers.meanwhile { call, _ in call == .book ? .unreachable : nil }
            try await shop.test.drain(shop.steps, advancingUpTo: .seconds(10), limit: .seconds(150))
            #expect(try await shop.order(id).status == "paid")
            try await shop.cancelDecidedly(id)
            let calls = shop.providers.calls.count { $0 == .book }
            try await shop.finish()
            #expect(try await shop.end(of: id) == "cancelled" && shop.providers.calls.count { $0 == .book } == calls)
        }
    }

    @Test(
        "while a call to the carrier is out its outcome decides on a cancellation, and nobody else",
        arguments: [
            (PaperProviders.Trouble?.none, "dispatched"), (.lostAnswer, "dispatched"), (.unreachable, "cancelled"),
        ])
    func booking(trouble: PaperProviders.Trouble?, end: String) async throws {
        try await PaperShop.with { shop in
            let id = try await shop.submit()
            shop.providers.meanwhile { call, order in
                guard call == .book, try await shop.order(order).cancellation == nil else { return nil }
                try await shop.cancelDecidedly(order)
                #expect(try await shop.order(order).cancellation?.state == .asked)
                #expect(try await shop.test.published(on: Workflow.orderCancelled).isEmpty)
                return trouble
            }
            try await shop.finish()
            #expect(try await shop.end(of: id) == end)
            #expect(try await shop.order(id).cancellation?.state == (end == "cancelled" ? .cancelled : .tooLate))
            #expect(try await shop.test.published(on: Workflow.orderCancelled).count == (end == "cancelled" ? 1 : 0))
        }
    }

    @Test(
        "however often and at however many places a cancellation is asked for, one message goes out; for a stranger none does"
    )
    func asking() async throws {
        try await PaperShop.with { shop in
            let id = try await shop.submit()
            try await withThrowingTaskGroup(of: CancellationOutcome.self) { group in
                for _ in 0..<8 { group.addTask { try await shop.cancel(id) } }
                for try await outcome in group { #expect(outcome == .asked) }
            }
            #expect(try await shop.cancel(.new()) == .noSuchOrder)
            #expect(try await shop.test.sent(to: Workflow.cancellations).map(\.key) == ["\(id)"])
            try await shop.finish(shop.steps.reversed())
            let cancelled = try await shop.test.published(on: Workflow.orderCancelled).only()
            #expect(cancelled.queues == ["stock-release", "payment-cancel", "order-status"])
        }
    }

    @Test("a release that meets a reservation which is just being made finds it all the same")
    func releaseBesideReservation() async throws {
        try await PaperShop.with { shop in
            let first = try await shop.submit()
            while try await shop.move([PriceOrders(shop.shop), ReserveStock(shop.shop)]) {}
            let second = try await shop.submit()
            _ = try await shop.test.handle(with: PriceOrders(shop.shop))
            for id in [first, second] {
                try await shop.shop.broker.send(
                    [Outgoing(OrderReference(orderID: id), key: "\(id)")], to: Workflow.stockRelease)
            }
            let holder = try await shop.shop.database.dedicatedConnection(named: "holder")
            try await holder.execute("SELECT pg_advisory_lock(5)")
            async let reserved = shop.test.handle(with: HeldReservation(step: ReserveStock(shop.shop)))
            try await shop.eventuallyBlocked(1)
            // It has looked for reservations before it waits for the pairs of the first one.
            async let released = shop.test.handle(next: 2, with: ReleaseStock(shop.shop))
            try await shop.eventuallyBlocked(2)
            await holder.close()
            #expect(try await (reserved + released).allSatisfy(\.isDone))
            try await shop.finish()
            #expect(
                try await shop.shop.database.query("SELECT on_hand FROM stock.items WHERE sku = 'RUNNER-42-TAN'") {
                    try $0[0, as: Int.self]
                } == [20])
        }
    }

    @Test("cancelling a rejected order tells why it was; it stays rejected")
    func rejected() async throws {
        try await PaperShop.with { shop in
            let id = try await shop.submit(.of([(.last, 5)]))
            try await shop.finish()
            guard case .tooLate(.rejected(.outOfStock), let detail) = try await shop.cancel(id) else {
                Issue.record("it was not too late")
                return
            }
            #expect(detail?.contains("5 wanted, 1 left") == true)
            #expect(try await shop.order(id).cancellation == nil)
        }
    }
}

/// Reserves, and commits only once lock 5 can be had.
private struct HeldReservation: Step {
    let queue = Workflow.stock
    let step: ReserveStock

    func commit(_ batch: [Delivery<StockRequest>], in session: borrowing Session) throws {
        try step.commit(batch, in: session)
        try session.execute("SELECT pg_advisory_xact_lock(5)")
    }
}

extension PaperShop {
    fileprivate func eventuallyBlocked(_ count: Int) async throws {
        try await eventually("\(count) wait for a lock") {
            try await shop.database.query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ) { try $0[0, as: Int.self] } == [count]
        }
    }

    /// Some message of the past comes once more.
    fileprivate func repeatOne(_ number: Int) async throws {
        try await shop.database.execute(
            """
            INSERT INTO mq.scheduled (due_at, queue, attempt, id, sent_at, topic, key, tag, headers, body)
            SELECT now(), queue, 1, gen_random_uuid(), sent_at, topic, key, tag, headers, body FROM mq.messages WHERE attempt = 1
            ORDER BY queue, lane, seq OFFSET $1 % (SELECT count(*) FROM mq.messages WHERE attempt = 1) LIMIT 1
            """, number)
    }
}

/// Numbers that a seed determines (SplitMix64).
private struct Dice: RandomNumberGenerator, Sendable {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
