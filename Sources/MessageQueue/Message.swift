public import Foundation

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
