public import Foundation
import HTTPTypes
public import Hummingbird
import MessageQueue
import NIOCore

/// The fields of a query or of a posted form, without the blanks around their values. One that holds nothing but blanks
/// is not there. Those called `key` and `tag` are as they were sent: a sender's key may begin or end with a blank.
public struct Fields: Sendable {
    private let pairs: [(name: String, value: String)]
    private let raw: [(name: String, value: String)]

    private static let bodyLimit = 1024 * 1024

    /// - Throws: ``Refusal`` for what is no form.
    public init(_ text: String) throws {
        guard let components = URLComponents(string: "?" + text.replacing("+", with: "%20")) else {
            throw Refusal(.badRequest, "The fields can't be read.")
        }
        raw = (components.queryItems ?? []).map { ($0.name, $0.value ?? "") }
        guard !raw.contains(where: { $0.value.utf8.contains(0) }) else {
            throw Refusal(.badRequest, "A field has a character in it that no text may have.")
        }
        pairs = raw.map { name, value in
            (name, Self.exact.contains(name) ? value : value.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    private static let exact: Set<String> = ["key", "tag"]

    /// Those of a request's query.
    public init(query request: Request) throws { try self.init(request.uri.query ?? "") }

    /// Those of a posted form, of a megabyte at most.
    ///
    /// - Parameters:
    ///   - request: whose body the form is.
    ///   - lists: the names that may have several values. Of another one that has two, nobody knows which is meant.
    /// - Throws: ``Refusal``.
    public init(body request: Request, listing lists: Set<String> = []) async throws {
        let type = request.headers[.contentType]?.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
        guard type?.lowercased() == "application/x-www-form-urlencoded" else {
            throw Refusal(.unsupportedMediaType, "A form was expected.")
        }
        let body: ByteBuffer
        do { body = try await request.body.collect(upTo: Self.bodyLimit) } catch is NIOTooManyBytesError {
            throw Refusal(.contentTooLarge, "The form may have a megabyte at most.")
        } catch {
            // The browser hung up, or what came is no HTTP. There is nobody to answer, and nothing wrong here.
            throw Refusal(.badRequest, "The form did not come to its end.")
        }
        try self.init(String(buffer: body))
        if let twice = Set(pairs.map(\.name)).subtracting(lists).sorted().first(where: { all($0).count > 1 }) {
            throw Refusal(.badRequest, "\(twice) is there twice: nobody knows which one is meant.")
        }
    }

    /// The first value of a name.
    public subscript(name: String) -> String? { all(name).first }

    /// The first value of a name as it was sent, blanks and all; nil when the name isn't there.
    func verbatim(_ name: String) -> String? { raw.first { $0.name == name }?.value }

    /// All values of a name.
    public func all(_ name: String) -> [String] { pairs.filter { $0.name == name && !$0.value.isEmpty }.map(\.value) }

    /// - Throws: ``Refusal`` for one that is there, and no number.
    public func number<Number: LosslessStringConvertible>(_ name: String) throws -> Number? {
        guard let text = self[name] else { return nil }
        guard let number = Number(text), (number as? Double)?.isFinite ?? true else {
            throw Refusal(.badRequest, "\(name) is no number.")
        }
        return number
    }

    /// A moment in UTC, as a field of type `datetime-local` writes it (HTML, section 4.10.5.1.11).
    public func time(_ name: String) throws -> Date? {
        guard let text = self[name] else { return nil }
        let whole = text.count == 16 ? text + ":00" : text
        guard let time = try? Date(whole + (whole.hasSuffix("Z") ? "" : "Z"), strategy: .iso8601) else {
            throw Refusal(.badRequest, "\(name) is no time.")
        }
        return time
    }

    /// Which dead letters are meant.
    func deadLetters() throws -> DeadLetterFilter {
        let tickets = try all("ticket").map { text in
            guard let ticket = Int64(text) else { throw Refusal(.badRequest, "\(text) is no ticket.") }
            return ticket
        }
        let message = try self["message"].map { text in
            guard let id = MessageID(text) else { throw Refusal(.badRequest, "\(text) is no id of a message.") }
            return id
        }
        return DeadLetterFilter(
            queue: self["queue"].map { QueueName($0) }, reason: self["reason"], message: message, key: self["key"],
            error: self["error"], tickets: tickets.isEmpty ? nil : tickets, through: try number("through"))
    }
}
