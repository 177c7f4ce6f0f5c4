import Foundation
import HTTPTypes
import MessageQueue
import StrictJSON

/// Messages as clients write them.
enum Drafts {
    static let most = 1000

    /// One message.
    ///
    /// - Parameter isDelayable: whether it may be one for later.
    /// - Throws: ``Problem``.
    static func one(_ call: JSONCall, isDelayable: Bool) throws -> Outgoing<RawBody> {
        try call.takeNoParameters()
        var fields = try call.fields()
        let message = read(&fields, isDelayable: isDelayable)
        try fields.end()
        return message
    }

    /// The messages of a batch.
    ///
    /// - Throws: ``Problem`` that names all wrong fields of all messages.
    static func batch(_ call: JSONCall, isDelayable: Bool) throws -> [Outgoing<RawBody>] {
        try call.takeNoParameters()
        var fields = try call.fields()
        let nodes = fields.node("messages")?.elements(atMost: most + 1) ?? []
        if !(1...most).contains(nodes.count) { fields.refuse("messages", "has to be a list of 1 to \(most) messages") }
        let messages = nodes.prefix(most).enumerated().map { number, node in
            var own = Fields(node, at: "/messages/\(number)")
            defer { fields.absorb(own) }
            return read(&own, isDelayable: isDelayable)
        }
        try fields.end()
        return messages
    }

    static func read(_ fields: inout Fields, isDelayable: Bool) -> Outgoing<RawBody> {
        Outgoing(
            body(&fields), key: fields.text("key", upTo: MessageLimits.keyBytes),
            tag: fields.text("tag", upTo: MessageLimits.tagBytes),
            headers: fields.map("headers") { !$0.isEmpty && !$0.utf8.contains(0) && !MessageDocument.isReserved($0) },
            delay: isDelayable ? fields.seconds("delaySeconds", in: 0...31_622_400) : nil,
            priority: fields.integer("priority", in: 1...16).map { Priority(clamping: $0) } ?? .normal)
    }

    /// As it is written, so that no number becomes another one on the way.
    private static func body(_ fields: inout Fields) -> RawBody {
        let (value, text) = (fields.anything("body"), fields.node("bodyBase64"))
        switch (value, text) {
        case (let value?, nil): return RawBody(value.text)
        case (nil, let text?):
            if let bytes = text.string.flatMap({ Data(base64Encoded: $0) }) { return RawBody(bytes) }
            fields.refuse("bodyBase64", "has to be bytes in Base64")
        case (nil, nil): fields.refuse("body", "is missing; bytes that are no JSON go into bodyBase64")
        case (_?, _?): fields.refuse("bodyBase64", "can't stand beside a body")
        }
        return RawBody([])
    }
}

/// The client's name for a request, by which it can be repeated.
struct IdempotencyKey {
    /// As the engine remembers it: of one caller's, so that nobody meets another one's keys.
    let name: String
    let fingerprint: String

    private static let longest = 200

    /// Nil without the header.
    ///
    /// - Throws: ``Problem``.
    init?(_ call: JSONCall) throws {
        guard let text = call.call.headers[.idempotencyKey] else { return nil }
        guard 1...Self.longest ~= text.utf8.count, text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw Self.refused("has to be 1 to \(Self.longest) visible characters of ASCII")
        }
        name = "gateway \(call.account.id) \(text)"
        fingerprint = BodyDigest.sha256(Array("\(call.call.path)\n".utf8) + call.call.body)
    }

    /// - Throws: ``Problem`` when the key was used for another request.
    func ids(of outcome: SentOnce) throws -> [MessageID] {
        switch outcome {
        case .stored(let ids), .repeated(let ids): return ids
        case .refused: throw Problem(.keyReused, "Use a new key for a new request, or send the first body again.")
        }
    }

    private static func refused(_ detail: String) -> Problem {
        Problem(
            .invalidRequest, "A header is wrong.",
            parts: [WrongPart(place: .header("Idempotency-Key"), detail: detail)])
    }
}
