public import Foundation
public import MessageQueue
import Postgres

/// A message as it was sent, and where it stands now.
public struct SentMessage<Payload: Codable & Sendable>: Sendable {
    /// Where a message can stand.
    public enum State: String, Sendable {
        /// To be delivered as soon as somebody asks.
        case waiting
        /// Not due yet: sent with a delay, or to be tried again.
        case scheduled
        /// In somebody's hands.
        case inFlight
        /// Handled.
        case done
        /// A dead letter.
        case dead
        /// Behind a blocked key of a queue that keeps order, or blocking it.
        case held
    }

    /// The message's id, the same over all attempts.
    public let id: MessageID
    /// The queue that it stands in.
    public let queue: QueueName
    /// The topic that it came by; nil when it was sent to the queue.
    public let topic: TopicName?
    /// What it carries, decoded.
    public let payload: Payload
    /// What it is about, as it was sent.
    public let key: String?
    /// What subscriptions filter by.
    public let tag: String?
    /// As they were sent.
    public let headers: [String: String]
    /// What it was sent with. Nil for a delayed message that a worker, not this ``TestBroker``, found to be due.
    public let delay: Duration?
    /// The number of its present, or last, delivery; 1 until a first one has failed.
    public let attempt: Int
    /// Where it stands now.
    public let state: State
    /// By the database's clock, shifted by the virtual time that passed since.
    public let sentAt: Date
}

/// A message to a topic: one for all the queues that heard it.
public struct PublishedMessage<Payload: Codable & Sendable>: Sendable {
    /// The message's id, the same in all queues.
    public let id: MessageID
    /// What it carries, decoded.
    public let payload: Payload
    /// What it is about, as it was published.
    public let key: String?
    /// What subscriptions filter by.
    public let tag: String?
    /// As they were published.
    public let headers: [String: String]
    /// The message in each queue that heard it.
    public let copies: [SentMessage<Payload>]

    /// The queues that heard it.
    public var queues: Set<QueueName> { Set(copies.map(\.queue)) }
}

extension TestBroker {
    /// Every message in a queue, in the order of sending: waiting, scheduled, held, being handled, done and dead ones alike.
    ///
    /// Messages that came by a topic are among them. Each stands there once, however often it was tried; sent twice, it
    /// stands there twice. Those of one transaction come in its order, the delayed ones last.
    /// - Parameters:
    ///   - queue: whose messages, with the type that they carry.
    ///   - mark: only what was sent after ``mark()``.
    /// - Throws: ``TestError/unreadable(_:_:error:)`` when one isn't of this type.
    public func sent<P>(to queue: Queue<P>, since mark: Mark? = nil) async throws -> [SentMessage<P>] {
        try await stored(in: queue.name, by: nil, since: mark).map { try $0.decoded() }
    }

    /// Every message to a topic, in the order of publishing, with the queues that heard it.
    ///
    /// What nobody has subscribed to is not kept anywhere: subscribe a queue in the test to see it.
    public func published<P>(on topic: Topic<P>, since mark: Mark? = nil) async throws -> [PublishedMessage<P>] {
        let copies: [SentMessage<P>] = try await stored(in: nil, by: topic.name, since: mark).map { try $0.decoded() }
        let byID = Dictionary(grouping: copies, by: \.id)
        var told: Set<MessageID> = []
        return copies.filter { told.insert($0.id).inserted }.map { first in
            PublishedMessage(
                id: first.id, payload: first.payload, key: first.key, tag: first.tag, headers: first.headers,
                copies: byID[first.id, default: []])
        }
    }

    /// A point in the stream of everything that is sent, whatever the clocks say.
    public func mark() async throws -> Mark {
        try await Mark(stored(in: nil, by: nil, since: nil).reduce(into: [:]) { $0[$1.key, default: 0] += 1 })
    }
}

/// What had been sent at one moment; see ``TestBroker/mark()``.
public struct Mark: Sendable {
    let counts: [DelayMemory.Key: Int]

    init(_ counts: [DelayMemory.Key: Int]) { self.counts = counts }
}
