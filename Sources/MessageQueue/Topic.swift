/// A topic whose messages carry one type of payload.
public struct Topic<Payload: Codable & Sendable>: Sendable {
    /// Under which it was declared.
    public let name: TopicName
    /// Binds a name to the type of its payloads; the topic itself is made by ``Broker/declare(topic:)``.
    public init(_ name: TopicName) { self.name = name }
}
