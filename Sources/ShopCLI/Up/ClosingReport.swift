import Foundation
import ShoeShop

/// The summary, and whether database and ledgers agree.
struct ClosingReport: Encodable {
    let summary: Summary
    let violations: [Violation]
    let balance: Bool
    /// From the first submission to the last finished order.
    let seconds: Double

    init(_ books: Books, seconds: Double) {
        (summary, violations, balance) = (books.summary, books.violations, books.balance)
        self.seconds = seconds
    }

    var text: String {
        let reasons = summary.rejected.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        let rejected = summary.rejected.values.reduce(0, +)
        let rows = [
            ["accepted", "\(summary.accepted)", "in all runs on this database"],
            ["delivered", "\(summary.delivered)", "handed to the carrier"],
            ["rejected", "\(rejected)", reasons.joined(separator: ", ")],
            ["cancelled", "\(summary.cancelled)", ""],
            ["waiting", "\(summary.waiting)", summary.unsettled > 0 ? "and \(summary.unsettled) still to settle" : ""],
            ["dead", "\(summary.dead)", summary.dead > 0 ? "see: shoeshop dead list" : ""],
            ["lost", "\(summary.lost)", ""],
        ]
        let table = Table([.text("ORDERS"), .number(""), .text("")], rows: rows).lines
        return (["", "After \(Span(seconds: seconds).text):", ""] + table + [""] + verdict).joined(separator: "\n")
    }

    private var verdict: [String] {
        if balance { return ["The books balance: stock, money, parcels and orders.", ""] }
        let shown = violations.prefix(20).map { "  \($0)" }
        let more = violations.count > shown.count ? ["  and \(violations.count - shown.count) more"] : []
        return ["THE BOOKS DO NOT BALANCE:"] + shown + more + [""]
    }
}
