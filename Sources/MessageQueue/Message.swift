public import Foundation
package import Postgres

/// A queue whose messages carry one type of payload. A step for another type does not compile.
public struct Queue<Payload: Codable & Sendable>: Sendable {
    public let name: QueueName
    public init(_ name: QueueName) { self.name = name }
}

/// A topic whose messages carry one type of payload.
public struct Topic<Payload: Codable & Sendable>: Sendable {
    public let name: TopicName
    public init(_ name: TopicName) { self.name = name }
}

/// A message to be sent.
public struct Outgoing<Payload: Codable & Sendable>: Sendable {
    public var payload: Payload
    public var id: MessageID
    /// What the message is about, such as an order; messages are found by it. See ``MessageLimits`` for how long it may be.
    public var key: String?
    /// What subscriptions filter by.
    public var tag: String?
    public var headers: [String: String]
    /// Not delivered before this has passed; ``MessageLimits/delay`` at most.
    public var delay: Duration
    /// Of use in queues with ``QueueSettings/priorities``.
    public var priority: Priority

    public init(
        _ payload: Payload, id: MessageID = MessageID(), key: String? = nil, tag: String? = nil,
        headers: [String: String] = [:], delay: Duration = .zero, priority: Priority = .normal
    ) {
        self.payload = payload
        self.id = id
        self.key = key
        self.tag = tag
        self.headers = headers
        self.delay = delay
        self.priority = priority
    }
}

/// A message as the engine stores it, whatever its payload.
public struct Message: Sendable, Equatable {
    public var id: MessageID
    public var topic: String?
    public var key: String?
    public var tag: String?
    public var headers: [String: String]
    public var body: [UInt8]
    /// When the message, not this attempt of it, was sent, by the database's clock.
    public var sentAt: Date

    /// What it adds to the size of a statement, roughly, in bytes.
    var weight: Int {
        headers.reduce(body.count + (key?.utf8.count ?? 0)) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }
}

/// A message in a consumer's hands, for as long as its lease holds.
public struct ReceivedMessage: Sendable, Equatable {
    public let receipt: Receipt
    public let queue: QueueName
    /// 1 for the first delivery.
    public let attempt: Int
    public let message: Message
    /// When this attempt was added to the queue, by the database's clock.
    public let appendedAt: Date
}

/// A received message with its payload decoded.
public struct Delivery<Payload: Codable & Sendable>: Sendable {
    public let received: ReceivedMessage
    public let payload: Payload

    public var id: MessageID { received.message.id }
    public var key: String? { received.message.key }
    public var tag: String? { received.message.tag }
    public var headers: [String: String] { received.message.headers }
    public var attempt: Int { received.attempt }
    public var sentAt: Date { received.message.sentAt }
}

/// Payloads are JSON.
package enum Payloads {
    static func encode(_ payload: some Encodable) throws -> [UInt8] {
        if let text = payload as? String, let body = PlainText.encode(text) { return body }
        return [UInt8](try encoder.encode(payload))
    }

    package static func decode<P: Decodable>(_ type: P.Type, from body: [UInt8]) throws -> P {
        if type == String.self, let text = PlainText.decode(body) as? P { return text }
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
