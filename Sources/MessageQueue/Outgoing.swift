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
