/// What people read of a run: one HTML file, drawn from records alone, that needs nothing besides itself.
///
/// It asks nothing of a network, can be read without its script, on paper, and in the dark, and is well-formed XML.
public struct ScenarioReport: Sendable {
    private enum Subject: Sendable {
        case run(RunRecord)
        case comparison(Comparison)
        case list([RunRecord])
    }

    private let subject: Subject

    /// One run, with all of its charts.
    public init(_ record: RunRecord) { subject = .run(record) }

    /// Both shops side by side, on the same axes.
    public init(_ comparison: Comparison) { subject = .comparison(comparison) }

    /// Several runs, such as a torture, in a table. In full are told all when they are few, and else the first that failed.
    public init(_ records: [RunRecord]) { subject = .list(records) }

    /// - Throws: never for a record, whatever it holds; `MustacheTemplate.Error` were a template broken.
    public func html() throws -> String {
        let pages = try Templates()
        return switch subject {
        case .run(let record): pages.render(RunPage(record), as: .run)
        case .comparison(let comparison): pages.render(ComparisonPage(comparison), as: .comparison)
        case .list(let records): pages.render(RunListPage(records), as: .list)
        }
    }
}
