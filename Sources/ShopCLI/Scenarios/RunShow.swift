import Foundation
import Scenarios

/// How a run looks in a terminal.
enum RunShow {
    static func clock(_ seconds: Double) -> String {
        let text = seconds < 0 ? "" : "\((seconds * 10).rounded() / 10)s"
        return String(repeating: " ", count: max(0, 7 - text.count)) + text
    }

    /// Queues that hold something, and the counts.
    static func lines(_ sample: Sample) -> [String] {
        let counts =
            "\(clock(sample.at))  accepted \(sample.accepted), delivered \(sample.delivered.map { "\($0)" } ?? "?"), "
            + "failed \(sample.failed), retried \(sample.retried.map { "\($0)" } ?? "?")"
        guard let queues = sample.queues else { return [counts, "         the database does not answer"] }
        let busy = queues.filter { $0.value.depth + $0.value.inFlight + $0.value.notDue + $0.value.dead > 0 }
        let table = Table(
            [.text("QUEUE"), .number("DEPTH"), .number("IN FLIGHT"), .number("NOT DUE"), .number("DEAD")],
            rows: busy.sorted { $0.key < $1.key }.map { name, queue in
                [name, "\(queue.depth)", "\(queue.inFlight)", "\(queue.notDue)", "\(queue.dead)"]
            })
        return [counts] + (busy.isEmpty ? [] : table.lines)
    }

    /// What came of it.
    static func lines(_ record: RunRecord) -> [String] {
        let findings = Table(
            [.text(""), .text("EXPECTED"), .text("FOUND")],
            rows: record.expectations.map { [$0.holds ? "ok" : "FAILED", $0.expectation, $0.found] })
        let against = record.expectations.filter { !$0.holds && !$0.orders.isEmpty }.map {
            "  \($0.expectation): \($0.orders.joined(separator: ", "))"
        }
        return ["", "\(record.scenario), seed \(record.seed): \(verdict(record))", ""]
            + Outcomes.table([record]).lines + [""] + (record.expectations.isEmpty ? [] : findings.lines)
            + against + violations(record) + record.traces + [""]
    }

    private static func verdict(_ record: RunRecord) -> String {
        record.shop == .coupled ? "played" : record.passed ? "passed" : "FAILED"
    }

    private static func violations(_ record: RunRecord) -> [String] {
        if record.shop == .coupled { return ["The coupled shop's books are not expected to balance."] }
        if record.violations.isEmpty {
            return ["The books balance: stock, money, parcels, orders, and the engine's own."]
        }
        let shown = record.violations.prefix(20).map { "  \($0)" }
        let rest = record.violations.count - shown.count
        return ["VIOLATED:"] + shown + (rest > 0 ? ["  and \(rest) more"] : [])
    }
}

/// Outcomes in figures, a column for each run.
enum Outcomes {
    static func table(_ records: [RunRecord]) -> Table {
        let rows: [(String, (Outcome) -> String)] = [
            ("orders wanted", { "\($0.wanted)" }), ("accepted", { "\($0.accepted)" }),
            ("refused, declined, undeliverable", { "\($0.refused)" }),
            ("failed in the customer's face", { "\($0.failed)" }), ("delivered", { "\($0.delivered)" }),
            ("paid, and not delivered", { "\($0.paidNotDelivered)" }), ("to undo by hand", { "\($0.toUndoByHand)" }),
            ("customer's wait, median", { milliseconds($0.latency.p50) }),
            ("customer's wait, 99th percentile", { milliseconds($0.latency.p99) }),
            ("customer's wait, longest", { milliseconds($0.latency.max) }),
        ]
        return Table(
            [.text("")] + records.map { .number($0.shop == .coupled ? "COUPLED" : "DECOUPLED") },
            rows: rows.map { name, value in [name] + records.map { value($0.outcome) } })
    }

    private static func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }
}

/// What `--json` tells of a run.
struct RunJSON: Encodable {
    let scenario: String
    let shop: RunRecord.Shop
    let seed: UInt64
    let speed: Double
    let passed: Bool
    let expectations: [Scenarios.Finding]
    let violations: [String]
    let figures: Outcome
    let command: String

    init(_ record: RunRecord) {
        scenario = record.scenario
        shop = record.shop
        seed = record.seed
        speed = record.speed
        passed = record.passed
        expectations = record.expectations
        violations = record.violations
        figures = record.outcome
        command = record.command
    }
}
