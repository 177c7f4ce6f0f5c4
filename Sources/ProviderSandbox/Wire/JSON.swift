import Foundation
import NIOHTTP1
import StrictJSON

/// The JSON of answers and ledgers.
enum JSON {
    static func encode(_ value: some Encodable) throws -> Data { try encoder.encode(value) }

    static func decode<Value: Decodable>(_: Value.Type = Value.self, from data: Data) throws -> Value {
        try decoder.decode(Value.self, from: data)
    }

    /// What a client wrote: only what every parser reads alike.
    ///
    /// - Throws: ``BadCall`` that names the field, or the place, where it is not the JSON that is expected.
    static func decode<Value: Decodable>(_: Value.Type = Value.self, written body: Data) throws(BadCall) -> Value {
        do {
            try StrictJSON.check([UInt8](body))
            return try decode(from: body)
        } catch let flaw as StrictJSON.Flaw {
            throw BadCall(.badRequest, "there is \(flaw)")
        } catch let error as DecodingError {
            throw BadCall(.badRequest, error.reason)
        } catch {
            throw BadCall(.badRequest, "\(error)")
        }
    }

    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        // Sorted, so that the same answer is the same bytes.
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    private static let decoder = {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return decoder
    }()
}
