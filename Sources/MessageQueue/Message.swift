public import Foundation

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
    /// What is to be delivered; stored as JSON, or, a ``RawBody``, as it is.
    public var payload: Payload
    /// The same over all attempts, and for all copies of a published message; a fresh one unless given.
    public var id: MessageID
    /// What the message is about, such as an order; messages are found by it. See ``MessageLimits`` for how long it may be.
    public var key: String?
    /// What subscriptions filter by.
    public var tag: String?
    /// Travels along, beside the payload.
    public var headers: [String: String]
    /// Not delivered before this has passed; ``MessageLimits/delay`` at most. Nil leaves it to the queue, see
    /// ``QueueSettings/delay``; zero is at once in any queue.
    public var delay: Duration?
    /// Of use in queues with ``QueueSettings/priorities``.
    public var priority: Priority

    /// A message about nothing in particular, to be delivered as soon as its queue wants it, unless more is said.
    public init(
        _ payload: Payload, id: MessageID = MessageID(), key: String? = nil, tag: String? = nil,
        headers: [String: String] = [:], delay: Duration? = nil, priority: Priority = .normal
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
    /// The payload as it is stored: its JSON, or the bytes of a ``RawBody``.
    public var body: [UInt8]
    /// When the message, not this attempt of it, was sent, by the database's clock.
    public var sentAt: Date

    /// What it adds to the size of a statement, roughly, in bytes.
    var weight: Int {
        headers.reduce(body.count + (key?.utf8.count ?? 0)) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }
}
