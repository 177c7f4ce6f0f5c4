import Foundation
import HTTPTypes
import Hummingbird
import MessageQueue
import NIOCore

/// The fields of a query or of a posted form. One that holds nothing but blanks is not there.
struct Fields {
    private let pairs: [(name: String, value: String)]

    private static let bodyLimit = 64 * 1024

    /// - Throws: ``Refusal`` for what is no form.
    init(_ text: String) throws {
        guard let components = URLComponents(string: "?" + text.replacing("+", with: "%20")) else {
            throw Refusal(.badRequest, "The fields can't be read.")
        }
        pairs = (components.queryItems ?? []).map {
            ($0.name, ($0.value ?? "").trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    init(query request: Request) throws { try self.init(request.uri.query ?? "") }

    init(body request: Request) async throws {
        let type = request.headers[.contentType]?.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
        guard type?.lowercased() == "application/x-www-form-urlencoded" else {
            throw Refusal(.unsupportedMediaType, "A form was expected.")
        }
        let body: ByteBuffer
        do { body = try await request.body.collect(upTo: Self.bodyLimit) } catch is NIOTooManyBytesError {
            throw Refusal(.contentTooLarge, "The form may have 64 KiB at most.")
        }
        try self.init(String(buffer: body))
    }

    subscript(name: String) -> String? { all(name).first }

    func all(_ name: String) -> [String] { pairs.filter { $0.name == name && !$0.value.isEmpty }.map(\.value) }

    /// - Throws: ``Refusal`` for one that is there, and no number.
    func number<Number: LosslessStringConvertible>(_ name: String) throws -> Number? {
        guard let text = self[name] else { return nil }
        guard let number = Number(text) else { throw Refusal(.badRequest, "\(name) is no number.") }
        return number
    }

    /// A moment in UTC, as a field of type `datetime-local` writes it (HTML, section 4.10.5.1.11).
    func time(_ name: String) throws -> Date? {
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
        return DeadLetterFilter(
            queue: self["queue"].map { QueueName($0) }, reason: self["reason"], key: self["key"], error: self["error"],
            tickets: tickets.isEmpty ? nil : tickets)
    }
}
