import Mustache
import XMLMarkup

/// The templates of all pages, read once for a report. What they print of a record is escaped as XML.
struct Templates {
    enum Kind: String { case run, comparison, list }

    private struct EscapedText: MustacheContentType {
        func escapeText(_ text: String) -> String { Markup.escaped(text) }
    }

    /// The library keeps its content types in one table for the whole process; put there once.
    private static let register: Void = MustacheContentTypes.register(EscapedText(), named: "ESCAPED-TEXT")

    private let library: MustacheLibrary

    init() throws {
        Self.register
        var library = MustacheLibrary()
        for (name, template) in [
            ("frame", Self.frame), ("run", Self.run), ("comparison", Self.comparison), ("list", Self.list),
            ("verdict", Self.verdict), ("details", Self.details), ("faults", Self.faults),
            ("charts", Self.charts),
        ] {
            // A template begins with the type of all that it prints; partials would inherit it, but need not rely on it.
            try library.register("{{% CONTENT_TYPE:ESCAPED-TEXT}}\n" + template, named: name)
        }
        self.library = library
    }

    func render(_ page: some Sendable, as kind: Kind) -> String {
        let view = Frame(style: PageStyle.css, script: PageScript.javaScript, page: page)
        return library.render(view, withTemplate: kind.rawValue) ?? ""
    }

    private struct Frame<Page> {
        let style: String
        let script: String
        let page: Page
    }
}
