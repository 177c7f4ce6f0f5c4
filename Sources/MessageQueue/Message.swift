public import Foundation
package import Postgres
import Tracing

/// A queue whose messages carry one type of payload. A step for another type does not compile.
public struct Queue<Payload: Codable & Sendable>: Sendable {
    /// Under which it was declared.
    public let name: QueueName
    /// Binds a name to the type of its payloads; the queue itself is made by ``Broker/declare(queue:_:)``.
    public init(_ name: QueueName) { self.name = name }
}

/// A topic whose messages carry one type of payload.
public struct Topic<Payload: Codable & Sendable>: Sendable {
    /// Under which it was declared.
    public let name: TopicName
    /// Binds a name to the type of its payloads; the topic itself is made by ``Broker/declare(topic:)``.
    public init(_ name: TopicName) { self.name = name }
}

/// A message to be sent.
public struct Outgoing<Payload: Codable & Sendable>: Sendable {
    /// What is to be delivered; stored as JSON.
    public var payload: Payload
    /// The same over all attempts, and for all copies of a published message; a fresh one unless given.
    public var id: MessageID
    /// What the message is about, such as an order; messages are found by it. See ``MessageLimits`` for how long it may be.
    public var key: String?
    /// What subscriptions filter by.
    public var tag: String?
    /// Travels along, beside the payload.
    public var headers: [String: String]
    /// Not delivered before this has passed; ``MessageLimits/delay`` at most.
    public var delay: Duration
    /// Of use in queues with ``QueueSettings/priorities``.
    public var priority: Priority

    /// A message to be delivered at once, about nothing in particular, unless more is said.
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
    /// The same over all attempts.
    public var id: MessageID
    /// The topic that it was published to; nil when it was sent to its queue.
    public var topic: String?
    /// What the message is about, as its sender said.
    public var key: String?
    /// What subscriptions filtered it by.
    public var tag: String?
    /// What travels along, beside the payload.
    public var headers: [String: String]
    /// The payload's JSON.
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
    /// What finishes this attempt, once.
    public let receipt: Receipt
    /// The queue that it was received from.
    public let queue: QueueName
    /// 1 for the first delivery.
    public let attempt: Int
    /// The message itself, the same over all attempts.
    public let message: Message
    /// When this attempt was added to the queue, by the database's clock.
    public let appendedAt: Date
    /// When the lease that it was received with ends, by the database's clock; nil for a ``Worker``'s, which lasts as long as the
    /// worker gives signs of life.
    public var leaseEnds: Date?
}

/// A received message with its payload decoded.
public struct Delivery<Payload: Codable & Sendable>: Sendable {
    /// The message as it was received, with its receipt.
    public let received: ReceivedMessage
    /// What its sender sent.
    public let payload: Payload
    /// What a message that follows from it goes on with: the span of its handling, or of its sender; nil without a tracer.
    var trace: ServiceContext?

    /// The same over all attempts: a good idempotency key for third parties.
    public var id: MessageID { received.message.id }
    /// What the message is about, as its sender said.
    public var key: String? { received.message.key }
    /// What subscriptions filtered it by.
    public var tag: String? { received.message.tag }
    /// What travels along, beside the payload.
    public var headers: [String: String] { received.message.headers }
    /// 1 for the first delivery.
    public var attempt: Int { received.attempt }
    /// When the message, not this attempt of it, was sent, by the database's clock.
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
