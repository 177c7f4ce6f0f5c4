import Durations

/// What of a message, or of a call, lies beyond its limit, see ``MessageLimits``.
public struct LimitExcess: Sendable, Equatable {
    /// What is limited.
    public enum Part: Sendable, Equatable {
        /// The key of a message.
        case key
        /// The key that `sendOnce` was given.
        case sendOnceKey
        /// The tag of a message, or of a subscription.
        case tag
        /// The names and values of a message's headers, added up.
        case headers
        /// The names and values of a queue's labels, added up.
        case labels
        /// The payload, as it is stored.
        case body
        /// How long a message is to wait.
        case delay
        /// How long a consumer that gives no sign of life keeps a message.
        case lease
        /// How long somebody waits for messages.
        case waiting
        /// How long `sendOnce` remembers a key.
        case memory
    }

    /// How much of it.
    public enum Measure: Sendable, Equatable {
        /// Bytes, of a text in UTF-8.
        case bytes(Int)
        /// A length of time.
        case time(Duration)
    }

    /// What it is that is too large.
    public let part: Part
    /// How large it is.
    public let found: Measure
    /// How large it may be.
    public let most: Measure
    /// The message that it is a part of; nil where it belongs to the call.
    public let message: MessageID?
}

extension LimitExcess: CustomStringConvertible {
    public var description: String {
        let owner = message.map { " of message \($0)" } ?? ""
        return "\(part)\(owner): \(found), beyond the limit of \(most)"
    }
}

extension LimitExcess.Part: CustomStringConvertible {
    public var description: String {
        switch self {
        case .key: "key"
        case .sendOnceKey: "key to send once by"
        case .tag: "tag"
        case .headers: "headers, names and values added up"
        case .labels: "labels, names and values added up"
        case .body: "body"
        case .delay: "delay"
        case .lease: "lease"
        case .waiting: "time to wait"
        case .memory: "time that a key is remembered"
        }
    }
}

extension LimitExcess.Measure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .bytes(let count): "\(count) bytes"
        case .time(let time): time.text
        }
    }
}
