import Foundation
import Testing

@testable import MessageQueue

@Suite("A text is stored as the JSON that a JSONEncoder writes, and read as a JSONDecoder reads it")
struct PlainTextTests {
    private static let texts =
        (0..<0x100).compactMap { Unicode.Scalar($0).map { "a\($0)b" } }
        + ["", "\"", "\\", "/", "plain text", "Schuhgröße 42", "\u{2028}", "👟", "null", "1", "{}"]

    @Test(
        "a text is stored as the JSON that a JSONEncoder writes, and read as a JSONDecoder reads it, whatever is in it",
        arguments: texts)
    func same(text: String) throws {
        let body = try Payloads.encode(text)
        #expect(body == [UInt8](try JSONEncoder().encode(text)))
        #expect(try Payloads.decode(String.self, from: body) == text)
    }

    @Test(
        "JSON that is no text is refused where a text is read",
        arguments: ["", "\"", "\"a", "a\"", "1", "\"a\nb\"", "\"a\"b\"", "\"\\\"", "\"a\" \"b\""])
    func nonsense(body: String) {
        #expect(throws: (any Error).self) { try Payloads.decode(String.self, from: Array(body.utf8)) }
    }

    @Test("bytes that are not UTF-8 are refused where a text is read")
    func notUnicode() {
        #expect(throws: (any Error).self) { try Payloads.decode(String.self, from: [0x22, 0xff, 0x22]) }
    }
}
