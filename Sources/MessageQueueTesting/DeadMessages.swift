public import MessageQueue

/// A dead letter with its payload.
public struct DeadMessage<Payload: Codable & Sendable>: Sendable {
    /// The dead letter as the engine keeps it, with its reason and history.
    public let letter: DeadLetter
    /// What the message says, decoded.
    public let payload: Payload

    /// The message's id.
    public var id: MessageID { letter.message.id }
    /// What the message is about.
    public var key: String? { letter.message.key }
    /// A short class, such as `attempts-exhausted`.
    public var reason: String { letter.reason }
    /// What the step threw last, as text.
    public var error: String? { letter.error }
    /// How often it was delivered.
    public var attempts: Int { letter.attempts }
}

extension TestBroker {
    /// The dead letters of a queue, the oldest first, decoded.
    ///
    /// - Throws: ``TestError/unreadable(_:_:error:)`` when one isn't of this type; ``deadLetters(in:)`` tells those, too.
    public func deadLetters<P>(of queue: Queue<P>) async throws -> [DeadMessage<P>] {
        try await deadLetters(in: queue.name).map { letter in
            do {
                return DeadMessage(letter: letter, payload: try Payloads.decode(P.self, from: letter.message.body))
            } catch {
                throw TestError.unreadable(queue.name, letter.message.id, error: "\(error)")
            }
        }
    }

    /// The dead letters of a queue, the oldest first, whatever they hold.
    public func deadLetters(in queue: QueueName) async throws -> [DeadLetter] {
        try await broker.deadLetters(DeadLetterFilter(queue: queue), limit: .max)
    }
}
