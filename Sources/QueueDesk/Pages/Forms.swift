import HTTPTypes
import Hummingbird
import MessageQueue

extension QueueDesk {
    /// A form that changes something.
    func form(_ page: String, _ content: [HTML]) -> HTML {
        HTML("form", ["method": "post", "action": path(page)], content)
    }

    /// Runs what the visitor asked for, recorded as theirs.
    func acting<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        guard let visitor = Visitor.current, visitor.role == .operator else { throw Refusal.onlyReads }
        return try await Operator(visitor.name, via: "desk").act(body)
    }

    /// After a change: the page is asked for anew, so that reloading it changes nothing again.
    func seeOther(_ page: String, _ query: KeyValuePairs<String, String?> = [:]) -> Response {
        Response(status: .seeOther, headers: [.location: path(page, query)])
    }
}
