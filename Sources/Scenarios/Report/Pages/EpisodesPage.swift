/// What the template prints of a torture: every episode in a row, and the failed ones in full.
struct EpisodesPage: Sendable {
    struct Episode: Sendable {
        let number, verdict, scenario, seed, faults, wanted, delivered, dead, drained: String
        /// The name of the place that tells more; empty when none does.
        let link: [String]
        let problems: [String]
    }

    struct Failure: Sendable {
        let anchor, heading: String
        let run: RunPage
    }

    /// Each takes as much room as a report of its own.
    static let mostInFull = 10

    let title, kicker: String
    let verdict: RunPage.Verdict
    let episodes: [Episode]
    let failures: [Failure]
    let shortened: [String]

    init(_ records: [RunRecord]) {
        let numbered = records.enumerated().map { (number: $0 + 1, record: $1) }
        let failed = numbered.filter { !$0.record.passed }
        let inFull = failed.prefix(Self.mostInFull)
        title = "Torture: \(RunPage.Verdict.plural(records.count, "episode"))"
        kicker = "Failure scenarios at random · every episode can be played again by its seed"
        verdict = RunPage.Verdict(failed: failed.count, of: records.count)
        let told = Set(inFull.map(\.number))
        episodes = numbered.map { number, record in
            Episode(number: number, record, isInFull: told.contains(number))
        }
        failures = inFull.map { number, record in
            Failure(
                anchor: "episode-\(number)", heading: "Episode \(number), seed \(record.seed)",
                run: RunPage(record, id: "episode-\(number)", level: 3))
        }
        shortened =
            failed.count > inFull.count
            ? ["The first \(inFull.count) of \(failed.count) failed episodes follow in full."] : []
    }
}

extension EpisodesPage.Episode {
    init(number: Int, _ record: RunRecord, isInFull: Bool) {
        self.number = "\(number)"
        verdict = record.passed ? "passed" : "failed"
        scenario = record.scenario
        seed = "\(record.seed)"
        faults = Numerals.count(record.windows.count)
        wanted = Numerals.count(record.outcome.wanted)
        delivered = Numerals.count(record.outcome.delivered)
        dead = Numerals.count(record.outcome.dead)
        drained = Numerals.span(record.drainedAt)
        link = isInFull ? ["episode-\(number)"] : []
        let broken = record.expectations.filter { !$0.holds }.map { "\($0.expectation): \($0.found)" }
        let all = record.violations + broken
        problems = all.prefix(3) + (all.count > 3 ? ["and \(all.count - 3) more"] : [])
    }
}

extension RunPage.Verdict {
    init(failed: Int, of count: Int) {
        name = failed == 0 ? "passed" : "failed"
        text = failed == 0 ? "✓ Passed" : "✗ Failed"
        reason =
            failed == 0
            ? "All episodes kept every promise." : "\(failed) of \(Self.plural(count, "episode")) broke a promise."
    }
}
