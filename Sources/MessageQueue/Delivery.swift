public import Foundation
import Tracing

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
