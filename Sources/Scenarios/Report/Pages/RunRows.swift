import Foundation

extension RunRecord {
    /// The coupled shop is played to be compared with. Its books are not audited, so that nothing says that they balance.
    var isJudged: Bool { shop == .decoupled || !expectations.isEmpty || !violations.isEmpty }
}

extension RunPage.Verdict {
    init(_ record: RunRecord) {
        guard record.isJudged else {
            self = .notJudged
            return
        }
        let broken = record.expectations.count { !$0.holds }
        let expected = Self.plural(record.expectations.count, "expectation")
        name = record.passed ? "passed" : "failed"
        word = name
        text = record.passed ? "✓ Passed" : "✗ Failed"
        let findings =
            switch (broken, record.expectations.count) {
            case (_, 0): "Nothing was expected"
            case (0, 1): "The expectation holds"
            case (0, _): "All \(expected) hold"
            default: "\(broken) of \(expected) not met"
            }
        let books =
            record.violations.isEmpty ? "the books balance" : "\(Self.plural(record.violations.count, "violation"))"
        reason = "\(findings); \(books)."
    }

    static let notJudged = Self(
        name: "neutral", word: "not judged", text: "Not judged",
        reason: "Nothing is expected of the coupled shop; what it leaves behind is counted.")

    static func plural(_ count: Int, _ noun: String) -> String {
        "\(Numerals.count(count)) \(noun)\(count == 1 ? "" : "s")"
    }
}

extension RunPage.FindingRow {
    init(_ finding: Finding) {
        let most = 8
        expectation = finding.expectation
        mark = finding.holds ? "passed" : "failed"
        holds = finding.holds ? "holds" : "broken"
        found = finding.found
        let more = finding.orders.count > most ? " and \(Numerals.count(finding.orders.count - most)) more" : ""
        against = finding.orders.isEmpty ? [] : [finding.orders.prefix(most).joined(separator: ", ") + more]
    }
}

extension RunPage.FaultRow {
    /// A row for each fault, by when it was there first; what happens again and again is told once.
    static func rows(of record: RunRecord) -> [Self] {
        let groups = Dictionary(grouping: record.windows, by: \.what).mapValues { $0.sorted { $0.from < $1.from } }
        let sorted = groups.sorted { ($0.value.first?.from ?? 0, $0.key) < ($1.value.first?.from ?? 0, $1.key) }
        return sorted.map { what, windows in
            let shown = windows.prefix(6).map(span).joined(separator: ", ")
            let more = windows.count > 6 ? " and \(windows.count - 6) more" : ""
            return Self(what: what, times: Numerals.count(windows.count), when: shown + more)
        }
    }

    private static func span(_ window: FaultWindow) -> String {
        guard window.from != window.to else { return "at \(Numerals.span(window.from))" }
        return "\(Numerals.span(window.from)) to \(Numerals.span(window.to))"
    }
}

extension RunPage.Violations {
    /// In the order that they were found, each once, with how often.
    static func told(_ violations: [String]) -> [String] {
        var counts: [String: Int] = [:]
        for violation in violations { counts[violation, default: 0] += 1 }
        return violations.compactMap { violation in
            counts.removeValue(forKey: violation).map {
                $0 > 1 ? "\(violation) (\(Numerals.count($0)) times)" : violation
            }
        }
    }

    static func folded(_ told: [String]) -> [Self] {
        let more = Array(told.dropFirst(mostUnfolded))
        return more.isEmpty ? [] : [Self(summary: "\(Numerals.count(more.count)) more", violations: more)]
    }
}

extension RunPage.Trace {
    /// Its first line is what is seen while it is folded.
    init(_ trace: String) {
        let lines = trace.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: true)
        first = lines.first.map(String.init) ?? "trace"
        text = trace
    }
}

extension RunPage.Named {
    /// The outcome, the most telling numbers first.
    static func figures(of record: RunRecord) -> [Self] {
        let outcome = record.outcome
        func bad(_ name: String, _ count: Int) -> Self {
            Self(name: name, value: Numerals.count(count), alarming: count > 0)
        }
        return [
            Self(name: "Wanted", value: Numerals.count(outcome.wanted)),
            Self(name: "Accepted", value: Numerals.count(outcome.accepted)),
            Self(name: "Delivered", value: Numerals.count(outcome.delivered)),
            Self(name: "Refused", value: Numerals.count(outcome.refused)),
            bad("Failed", outcome.failed),
            bad("Paid, not delivered", outcome.paidNotDelivered),
            bad("To undo by hand", outcome.toUndoByHand),
            bad("Dead letters", outcome.dead),
            Self(name: "Wait, p50", value: Numerals.span(outcome.latency.p50)),
            Self(name: "Wait, p99", value: Numerals.span(outcome.latency.p99)),
            Self(name: "Longest wait", value: Numerals.span(outcome.latency.max)),
            Self(name: "Drained at", value: Numerals.span(record.drainedAt)),
        ]
    }

    static func facts(of record: RunRecord) -> [Self] {
        let day = record.startedAt.formatted(.iso8601.dateTimeSeparator(.space)).replacing("Z", with: " UTC")
        return [
            Self(name: "Seed", value: "\(record.seed)"),
            Self(name: "Speed", value: "\(Numerals.count(record.speed))×; times are of the real clock"),
            Self(name: "Machine", value: record.machine),
            Self(name: "Started", value: day),
            Self(name: "Last answer", value: Numerals.span(record.submittedAt)),
            Self(name: "Drained", value: Numerals.span(record.drainedAt)),
        ]
    }
}
