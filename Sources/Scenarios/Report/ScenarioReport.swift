/// What people read of a run: one HTML file, drawn from records alone, that needs nothing besides itself.
///
/// It asks nothing of a network, can be read without its script, on paper, and in the dark, and is well-formed XML.
public struct ScenarioReport: Sendable {
    private enum Subject: Sendable {
        case run(RunRecord)
        case comparison(Comparison)
        case episodes([RunRecord])
    }

    private let subject: Subject

    /// One run, with all of its charts.
    public init(_ record: RunRecord) { subject = .run(record) }

    /// Both shops side by side, on the same axes.
    public init(_ comparison: Comparison) { subject = .comparison(comparison) }

    /// The episodes of a torture in a table, and in full those that failed.
    public init(_ episodes: [RunRecord]) { subject = .episodes(episodes) }

    /// - Throws: never for a record, whatever it holds; `MustacheTemplate.Error` were a template broken.
    public func html() throws -> String {
        let pages = try Templates()
        return switch subject {
        case .run(let record): pages.render(RunPage(record), as: .run)
        case .comparison(let comparison): pages.render(ComparisonPage(comparison), as: .comparison)
        case .episodes(let records): pages.render(EpisodesPage(records), as: .episodes)
        }
    }
}
