import Foundation
package import Postgres

/// Payloads are JSON, but for a ``RawBody``.
package enum Payloads {
    static func encode(_ payload: some Encodable) throws -> [UInt8] {
        if let text = payload as? String, let body = PlainText.encode(text) { return body }
        if let raw = payload as? RawBody { return raw.bytes }
        return [UInt8](try encoder.encode(payload))
    }

    package static func decode<P: Decodable>(_ type: P.Type, from body: [UInt8]) throws -> P {
        if type == String.self, let text = PlainText.decode(body) as? P { return text }
        if type == RawBody.self, let raw = RawBody(body) as? P { return raw }
        return try decoder.decode(type, from: Data(body))
    }

    static func encode(headers: [String: String]) throws -> JSON? {
        headers.isEmpty ? nil : JSON(String(decoding: try encoder.encode(headers), as: UTF8.self))
    }

    /// Headers that somebody else wrote in another form are passed on as they are: the message has been claimed already.
    package static func decode(headers: JSON?) -> [String: String] {
        guard let headers else { return [:] }
        return (try? decoder.decode([String: String].self, from: Data(headers.text.utf8))) ?? [
            "unreadable": headers.text
        ]
    }

    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .millisecondsSince1970
        encoder.outputFormatting = .sortedKeys
        return encoder
    }()

    private static let decoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .millisecondsSince1970
        return decoder
    }()
}
