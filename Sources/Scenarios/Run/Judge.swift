import Durations
import Foundation
import MessageQueue
import Postgres
import ShoeShop

/// Holds a finished run against what was expected of it, and against what must always hold.
struct Judge: Sendable {
    let expectations: Expectations
    let shop: RunRecord.Shop
    let customers: CustomerNotes.State
    let startedAt: Date
    let windows: [FaultWindow]
    /// What was still on its way when nothing moved any more.
    let leftOver: [String]
    /// Orders that went with a database which is no more: nothing is expected of them.
    var forgotten: Set<OrderID> = []

    struct Verdict {
        let findings: [Finding]
        let violations: [String]
        let outcome: Outcome
        let traces: [String]
    }

    /// - Parameter ledgers: the third parties' own books.
    func verdict(on database: Database, ledgers: () async throws -> ProviderLedgers) async throws -> Verdict {
        let summary = try await Books.summary(database, accepted: accepted)
        let aftermath = try await Aftermath.read(database, ledgers: ledgers)
        let outcome = outcome(summary, aftermath)
        guard shop == .decoupled else {
            return Verdict(findings: [], violations: customers.violations, outcome: outcome, traces: [])
        }
        let books = try await Books.audit(database, accepted: accepted, ledgers: ledgers)
        let engine = try await EngineAudit.contradictions(on: database)
        let violations =
            customers.violations + leftOver.map { "left over: \($0)" } + books.violations.map { "\($0)" }
            + engine.map { "engine: \($0)" }
        let findings = try await findings(outcome, summary, Findings(database: database))
        let named = findings.filter { !$0.holds }.flatMap(\.orders) + books.violations.map(\.subject)
        return Verdict(
            findings: findings, violations: violations, outcome: outcome,
            traces: try await traces(of: named, in: database))
    }

    /// What the shop can be asked about.
    private var accepted: [OrderID] { customers.accepted.keys.filter { !forgotten.contains($0) } }

    private func outcome(_ summary: Summary, _ aftermath: Aftermath) -> Outcome {
        let calls = customers.calls
        let latencies = calls.filter { $0.end == .accepted }.map(\.latency).sorted()
        return Outcome(
            wanted: calls.count, accepted: customers.accepted.count,
            refused: calls.count { $0.end == .refused } + summary.rejected.values.reduce(0, +),
            failed: calls.count { $0.end == .failed }, delivered: aftermath.delivered,
            paidNotDelivered: aftermath.paidNotDelivered, toUndoByHand: aftermath.toUndoByHand, dead: summary.dead,
            latency: .init(
                p50: latencies.percentile(0.5), p99: latencies.percentile(0.99), max: latencies.last ?? 0))
    }

    private func findings(_ outcome: Outcome, _ summary: Summary, _ look: Findings) async throws -> [Finding] {
        let end = startedAt.addingTimeInterval(windows.map(\.to).max() ?? 0)
        var all: [Finding?] = [
            amount("accepted", expectations.accepted, outcome.accepted, of: outcome.wanted),
            amount("failed", expectations.failed, outcome.failed, of: outcome.wanted),
            amount("delivered", expectations.delivered, outcome.delivered, of: accepted.count),
        ]
        for (reason, expected) in expectations.rejected.sorted(by: { $0.key < $1.key }) {
            all.append(amount("rejected as \(reason)", expected, summary.rejected[reason] ?? 0, of: accepted.count))
        }
        all += [
            latency("median of acceptance", expectations.latencyP50, outcome.latency.p50),
            latency("99th percentile of acceptance", expectations.latencyP99, outcome.latency.p99),
        ]
        if let limit = expectations.recovered { all.append(try await look.recovered(from: end, within: limit)) }
        if let limit = expectations.finished { all.append(try await look.finished(within: limit)) }
        if let most = expectations.attempts { all.append(try await look.attempts(atMost: most)) }
        if let range = expectations.dead { all.append(try await look.dead(in: range)) }
        return all.compactMap(\.self)
    }

    private func amount(_ what: String, _ expected: Expectations.Amount?, _ found: Int, of all: Int) -> Finding? {
        expected.map { expected in
            Finding(
                expectation: "\(what): \(expected.storyText)", holds: expected.holds(found, of: all),
                found: "\(found) of \(all)", orders: [])
        }
    }

    private func latency(_ what: String, _ limit: Duration?, _ found: Double) -> Finding? {
        limit.map { limit in
            Finding(
                expectation: "\(what): at most \(limit.text)", holds: found <= limit.inSeconds,
                found: found.spanText, orders: [])
        }
    }

    // MARK: Traces

    private static let mostTraces = 5

    private func traces(of orders: [String], in database: Database) async throws -> [String] {
        var traces: [String] = []
        for order in orders.prefix(Self.mostTraces) where OrderID(order) != nil {
            let lines = try await Broker(database).trace(order).map { entry in
                let end = entry.error.map { "\(entry.outcome): \($0)" } ?? "\(entry.outcome)"
                return "  \(entry.appendedAt.formatted(.iso8601))  \(entry.queue)  try \(entry.attempt)  \(end)"
            }
            traces.append(([order] + lines).joined(separator: "\n"))
        }
        return traces
    }
}

extension [Double] {
    /// Of sorted values; 0 when there are none.
    func percentile(_ share: Double) -> Double {
        isEmpty ? 0 : self[Swift.min(count - 1, Int(share * Double(count)))]
    }
}
