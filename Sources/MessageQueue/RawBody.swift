import Foundation

/// A payload that is stored as it is, byte by byte, and not as JSON: for programs that hand on what others wrote, whatever it is.
///
/// ```swift
/// let letters = Queue<RawBody>("letters")
/// try await broker.send([Outgoing(RawBody(bytes))], to: letters)
/// ```
/// The stored body is these bytes, and nothing else. So a queue or topic may be used under two types, by programs that know it as
/// `Queue<RawBody>` and by steps that know what is in it. Within another payload it is a text in base 64, as `Data` is.
public struct RawBody: Hashable, Sendable, Codable {
    /// The body.
    public var bytes: [UInt8]

    /// Takes the bytes as they are.
    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// Takes the UTF-8 of a text.
    public init(_ text: String) { self.init(text.utf8) }

    public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(Data.self)) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Data(bytes))
    }
}
