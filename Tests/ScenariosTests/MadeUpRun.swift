import Foundation

@testable import Scenarios

/// Records that look like those of real runs, for tests of what is drawn from them; nothing of them was measured.
enum MadeUpRun {
    static let queues = [
        "orders", "stock", "payment", "logistics", "invoices", "order-status", "stock-release", "refunds",
    ]

    /// A minute at twenty orders per second: logistics is out for twenty seconds, a worker is killed three times, and
    /// the database is away for four.
    static func record(
        shop: RunRecord.Shop = .decoupled, windows: [FaultWindow] = windows, expectations: [Finding] = [finding(true)],
        violations: [String] = [], traces: [String] = [], seed: UInt64 = 1_234_567
    ) -> RunRecord {
        let samples = stride(from: 0.0, through: 64, by: 0.25).map { sample(at: $0, shop) }
        let delivered = samples.last?.delivered ?? 0
        let failed = samples.last?.failed ?? 0
        return RunRecord(
            scenario: "friday-afternoon",
            teaches: "An outage of one provider makes a queue longer; no order is lost, and no customer waits.",
            story: "Shoes sell at twenty orders per second when the logistics provider goes down for twenty seconds. "
                + "While it is away an order worker is killed three times, and later the database restarts.",
            shop: shop, seed: seed, speed: 1, startedAt: Date(timeIntervalSince1970: 1_750_000_000),
            machine: "2 cores of a made-up processor, PostgreSQL 15.14",
            command: "shoeshop scenario run friday-afternoon --seed \(seed)", windows: windows, samples: samples,
            calls: (0..<1200).map { call(Double($0) / 20, shop) }, submittedAt: 60.1, drainedAt: 62.5,
            expectations: expectations, violations: violations, traces: traces,
            outcome: Outcome(
                wanted: 1200, accepted: 1200 - failed, refused: 0, failed: failed, delivered: delivered,
                paidNotDelivered: shop == .coupled ? 41 : 0, toUndoByHand: shop == .coupled ? 57 : 0, dead: 3,
                latency: Outcome.Latency(p50: 0.0121, p99: 3.9, max: 4.2)))
    }

    static let windows = [
        FaultWindow(what: "logistics: outage", from: 15, to: 35),
        FaultWindow(what: "database: restart", from: 42, to: 46),
        FaultWindow(what: "kill -9 order-worker", from: 20, to: 20),
        FaultWindow(what: "kill -9 order-worker", from: 23, to: 23),
        FaultWindow(what: "kill -9 order-worker", from: 26, to: 26),
    ]

    static func finding(_ holds: Bool, orders: [String] = []) -> Finding {
        Finding(expectation: "recovered within 10s", holds: holds, found: holds ? "4.2s" : "17.9s", orders: orders)
    }

    private static func sample(at: Double, _ shop: RunRecord.Shop) -> Sample {
        let isAway = (42..<46).contains(at)
        let accepted = Int(20 * min(at, 60) - (isAway ? 20 * (at - 42) : 0))
        let held = at < 15 ? 4 : at < 35 ? 20 * (at - 15) : max(400 - (at - 35) * 60, 4)
        let failed = shop == .coupled ? Int(20 * min(max(at - 15, 0), 20)) : 0
        let depths = queues.enumerated().map { index, name in
            let depth = name == "logistics" ? Int(held) : Int(3 + 2 * sin(at * Double(index + 1))) / (1 + index / 3)
            let notDue = name == "logistics" && held > 10 ? depth / 2 : 0
            return (
                name,
                Sample.Queue(
                    depth: depth, inFlight: min(depth, 8), notDue: notDue, dead: at > 30 && index == 3 ? 3 : 0)
            )
        }
        return Sample(
            at: at, accepted: accepted - failed, failed: failed,
            delivered: isAway ? nil : accepted - (shop == .coupled ? failed : min(Int(held), accepted)),
            retried: isAway ? nil : shop == .coupled ? 0 : Int(min(max(at - 15, 0), 20) * 9),
            queues: isAway || shop == .coupled ? nil : Dictionary(uniqueKeysWithValues: depths))
    }

    private static func call(_ due: Double, _ shop: RunRecord.Shop) -> CustomerCall {
        let isOut = shop == .coupled && (15..<35).contains(due)
        let usual = 0.012 + 0.006 * sin(due * 37) + (Int(due * 20) % 19 == 0 ? 0.05 : 0)
        let latency = (42..<46).contains(due) ? 46.2 - due : isOut ? 5 : usual
        return CustomerCall(due: due, latency: latency, end: isOut ? .failed : .accepted, requests: 1)
    }
}
