/// A queue whose messages carry one type of payload. A step for another type does not compile.
public struct Queue<Payload: Codable & Sendable>: Sendable {
    /// Under which it was declared.
    public let name: QueueName
    /// Binds a name to the type of its payloads; the queue itself is made by ``Broker/declare(queue:_:)``.
    public init(_ name: QueueName) { self.name = name }
}
