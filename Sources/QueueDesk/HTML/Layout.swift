import Foundation
public import HTTPTypes
public import Hummingbird
import MessageQueue

/// The frame of every page.
struct Layout {
    let options: QueueDesk.Options
    let title: String
    /// Of the page, below the desk's; nil for one that the navigation has not.
    let path: String?
    /// How often the page looks anew while it is open; nil for never.
    var refresh: Duration?
    /// When what it shows was read, where nothing could be since.
    var staleSince: Date?

    private static let pages: [(title: String, path: String, isForOperators: Bool)] = [
        ("Pipeline", "/", false), ("Messages", "/messages", false), ("Dead letters", "/dead", false),
        ("Send", "/send", true), ("Audit", "/audit", false),
    ]

    func response(_ content: [HTML], status: HTTPResponse.Status = .ok) -> Response {
        let page = "<!DOCTYPE html>\n" + document(content).source
        return Response(
            status: status, headers: [.contentType: "text/html; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: page)))
    }

    private func document(_ content: [HTML]) -> HTML {
        HTML(
            "html", ["lang": "en"],
            [
                HTML(
                    "head", [:],
                    [
                        HTML("meta", ["charset": "utf-8"]),
                        HTML("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                        HTML("meta", ["name": "color-scheme", "content": "light dark"]),
                        HTML("title", [:], [.text("\(title) · \(options.title)")]),
                        HTML("link", ["rel": "icon", "href": options.path + "/desk.svg", "type": "image/svg+xml"]),
                        HTML("link", ["rel": "stylesheet", "href": options.path + "/desk.css"]),
                        HTML("script", ["src": options.path + "/desk.js", "defer": ""]),
                    ]),
                HTML(
                    "body", [:],
                    [
                        header,
                        HTML("p", ["class": "stale", "role": "status", "data-stale": "on"], [.text(staleText)]),
                        HTML(
                            "main", ["id": "main", "data-refresh": refreshText],
                            [HTML("h1", [:], [.text(title)])] + content), footer,
                    ]),
            ])
    }

    private var refreshText: String? { refresh.map { "\($0.components.seconds * 1000)" } }

    /// As the script says it of what was live.
    private var staleText: String {
        guard let since = DateText(staleSince)?.readable.prefix(19) else { return "" }
        return "Not up to date since \(since): the desk or its database does not answer."
    }

    private var header: HTML {
        let own = Self.pages.filter { Visitor.mayChange || !$0.isForOperators }
            .map { ($0.title, options.path + $0.path) }
        let links = own + options.links.map { ($0.title, $0.path) }
        return HTML(
            "header", [:],
            [
                HTML("a", ["class": "skip", "href": "#main"], ["Skip to the content"]),
                HTML("strong", [:], [.text(options.title)]),
                HTML("nav", ["aria-label": "Desk"], links.map { navigation($0, to: $1) }),
            ])
    }

    private func navigation(_ text: String, to target: String) -> HTML {
        let isHere = path.map { target == options.path + $0 } ?? false
        return HTML("a", ["href": target, "aria-current": isHere ? "page" : nil], [.text(text)])
    }

    private var footer: HTML {
        let who = Visitor.current.map { " · \($0.name), \($0.role == .operator ? "operator" : "viewer")" } ?? ""
        return HTML("footer", [:], [.text("\(Broker.libraryVersion) · times are in UTC\(who)")])
    }
}

extension QueueDesk {
    /// A page of the adopter's own, in the desk's frame.
    ///
    /// - Parameters:
    ///   - title: its heading.
    ///   - content: what comes below.
    ///   - path: of the page below the desk's, where the navigation has a link to it.
    ///   - refresh: how often it looks anew while it is open, in whole seconds; not while somebody fills in a form.
    ///   - status: of the answer.
    public func page(
        _ title: String, at path: String? = nil, refresh: Duration? = nil, _ content: [HTML],
        status: HTTPResponse.Status = .ok
    ) -> Response {
        Layout(options: options, title: title, path: path, refresh: refresh).response(content, status: status)
    }

    /// A page that is drawn from a reading.
    func page(
        _ title: String, at path: String? = nil, refresh: Duration? = nil, from shown: Readings.Shown, _ content: [HTML]
    ) -> Response {
        Layout(options: options, title: title, path: path, refresh: refresh, staleSince: shown.staleSince)
            .response(content)
    }
}
