public import Foundation
import Postgres

/// The name of a queue: a letter or digit first, then letters, digits, `.`, `_` and `-`; 255 characters at most,
/// see ``MessageLimits/nameCharacters``.
public struct QueueName: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible, Codable {
    /// The name as it is written.
    public let text: String
    /// Takes any text: it is checked when a queue is declared under it.
    public init(_ text: String) { self.text = text }
    public init(stringLiteral text: String) { self.text = text }
    public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
    public var description: String { text }
}

/// The name of a topic, of the same alphabet as a ``QueueName``.
public struct TopicName: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible, Codable {
    /// The name as it is written.
    public let text: String
    /// Takes any text: it is checked when a topic is declared under it.
    public init(_ text: String) { self.text = text }
    public init(stringLiteral text: String) { self.text = text }
    public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
    public var description: String { text }
}

extension String {
    /// Whether a queue, a topic or a subscription may have this name.
    package var canBeName: Bool {
        let isGood = utf8.enumerated().allSatisfy { place, byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "a")...UInt8(ascii: "z"): true
            default: place > 0 && [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte)
            }
        }
        return isGood && 1...MessageLimits.nameCharacters ~= utf8.count
    }
}

/// The publisher's name for a message, the same over all its attempts: a UUID of version 7, so that ids of messages sent
/// later sort later.
public struct MessageID: Hashable, Sendable, CustomStringConvertible, Codable {
    /// The UUID, as it stands in the database.
    public let uuid: UUID

    /// Takes an id that was made elsewhere, of whatever version.
    public init(_ uuid: UUID) { self.uuid = uuid }

    /// A fresh id: 48 bits of milliseconds, then 74 random ones (RFC 9562, section 5.7).
    public init(at date: Date = Date()) {
        // What 48 bits can't hold is as late as they can tell.
        let milliseconds = UInt64(exactly: (max(0, date.timeIntervalSince1970) * 1000).rounded(.down)) ?? .max
        self.init(milliseconds: milliseconds, Entropy.draw())
    }

    init(milliseconds: UInt64, _ numbers: (high: UInt64, low: UInt64)) {
        let first = min(milliseconds, 1 << 48 - 1) << 16 | 0x7000 | numbers.high & 0x0fff
        let second = 0x8000_0000_0000_0000 | numbers.low >> 2
        let bytes = withUnsafeBytes(of: (first.bigEndian, second.bigEndian)) { $0.loadUnaligned(as: uuid_t.self) }
        uuid = UUID(uuid: bytes)
    }

    /// Reads a UUID in its usual form, or by its 32 digits alone, as clients of MNS and RocketMQ are told ids, whatever the
    /// case of its letters; nil when the text is none.
    public init?(_ text: String) {
        guard let uuid = UUID(uuidString: text.utf8.count == 32 ? Self.hyphenated(text) : text) else { return nil }
        self.uuid = uuid
    }

    private static func hyphenated(_ digits: String) -> String {
        [(0, 8), (8, 4), (12, 4), (16, 4), (20, 12)].map { start, length in digits.dropFirst(start).prefix(length) }
            .joined(separator: "-")
    }

    public init(from decoder: any Decoder) throws { uuid = try decoder.singleValueContainer().decode(UUID.self) }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    public var description: String { uuid.uuidString.lowercased() }
}
