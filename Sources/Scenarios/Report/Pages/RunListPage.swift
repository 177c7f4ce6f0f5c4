/// What the template prints of several runs: each in a row, and in full as many as a reader can bear.
struct RunListPage: Sendable {
    struct Entry: Sendable {
        let number, verdict, mark, scenario, seed, faults, wanted, delivered, dead, drained: String
        /// The name of the place that tells more; empty when none does.
        let link: [String]
        let problems: [String]
    }

    struct Full: Sendable {
        let anchor, heading: String
        let run: RunPage
    }

    /// Each takes as much room as a report of its own.
    static let mostInFull = 10

    let title, kicker: String
    let verdict: RunPage.Verdict
    let entries: [Entry]
    let inFull: [Full]
    let shortened: [String]

    init(_ records: [RunRecord]) {
        let numbered = records.enumerated().map { (number: $0 + 1, record: $1) }
        let failed = numbered.filter { !$0.record.passed }
        let told = records.count <= Self.mostInFull ? numbered : Array(failed.prefix(Self.mostInFull))
        title = RunPage.Verdict.plural(records.count, "scenario run")
        kicker = "Failure scenarios"
        verdict =
            records.isEmpty || records.contains(where: \.isJudged)
            ? RunPage.Verdict(failed: failed.count, of: records.count) : .notJudged
        let numbers = Set(told.map(\.number))
        entries = numbered.map { number, record in
            Entry(number: number, record, isInFull: numbers.contains(number))
        }
        inFull = told.map { number, record in
            Full(
                anchor: "run-\(number)", heading: "Run \(number): \(record.scenario), seed \(record.seed)",
                run: RunPage(record, id: "run-\(number)", level: 3))
        }
        shortened = Self.shortened(told: told.count, failed: failed.count, of: records.count)
    }

    private static func shortened(told: Int, failed: Int, of count: Int) -> [String] {
        if told == count { return [] }
        if failed > told { return ["The first \(told) of \(failed) failed runs follow in full."] }
        return failed == 0 ? [] : ["The failed runs follow in full."]
    }
}

extension RunListPage.Entry {
    init(number: Int, _ record: RunRecord, isInFull: Bool) {
        self.number = "\(number)"
        let judged = RunPage.Verdict(record)
        verdict = judged.word
        mark = judged.name
        scenario = record.scenario
        seed = "\(record.seed)"
        faults = Numerals.count(record.windows.count)
        wanted = Numerals.count(record.outcome.wanted)
        delivered = Numerals.count(record.outcome.delivered)
        dead = Numerals.count(record.outcome.dead)
        drained = Numerals.span(record.drainedAt)
        link = isInFull ? ["run-\(number)"] : []
        let broken = record.expectations.filter { !$0.holds }.map { "\($0.expectation): \($0.found)" }
        let all = record.violations + broken
        problems = all.prefix(3) + (all.count > 3 ? ["and \(all.count - 3) more"] : [])
    }
}

extension RunPage.Verdict {
    init(failed: Int, of count: Int) {
        name = failed == 0 && count > 0 ? "passed" : "failed"
        word = name
        text = count == 0 ? "Nothing played" : failed == 0 ? "✓ Passed" : "✗ Failed"
        reason =
            switch (failed, count) {
            case (_, 0): "No run came to its end."
            case (0, _): "Every run kept every promise."
            default: "\(failed) of \(Self.plural(count, "run")) broke a promise."
            }
    }
}
