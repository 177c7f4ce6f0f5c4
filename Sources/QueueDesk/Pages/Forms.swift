import HTTPTypes
public import Hummingbird
import MessageQueue

extension QueueDesk {
    /// A form that changes something; `page` lies below the desk's own path.
    public func form(_ page: String, _ content: [HTML]) -> HTML {
        HTML("form", ["method": "post", "action": path(page)], content)
    }

    /// A button that changes something by itself.
    public func button(_ text: String, _ page: String, _ fields: KeyValuePairs<String, String> = [:]) -> HTML {
        form(page, fields.map { HTML.hidden($0, $1) } + [HTML.button(text)])
    }

    /// Runs what the visitor asked for, recorded as theirs. The next page of this desk shows how things stand after it.
    ///
    /// - Throws: ``Refusal`` when they may only read, and what `body` throws.
    public func acting<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        guard let visitor = Visitor.current, visitor.role == .operator else { throw Refusal.onlyReads }
        do {
            let outcome = try await Operator(visitor.name, via: "desk").act(body)
            await forget()
            return outcome
        } catch {
            // It may have been done all the same.
            await forget()
            throw error
        }
    }

    private func forget() async {
        await reads.forget()
        await readings.forgetReading()
    }

    /// After a change: the page is asked for anew, so that reloading it changes nothing again.
    public func seeOther(_ page: String, _ query: KeyValuePairs<String, String?> = [:]) -> Response {
        Response(status: .seeOther, headers: [.location: path(page, query)])
    }
}
