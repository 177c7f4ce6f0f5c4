import Durations

/// What a message may measure, and what is kept of what went wrong with it.
///
/// Texts are measured in bytes of UTF-8. Whoever sends something larger gets ``QueueError/beyondLimit(_:)``, and nothing is
/// stored; so whatever was accepted can be retried, held back, buried and found by its key. Texts of errors, which nobody sends
/// on purpose, are cut, and times until a message comes again are shortened.
public enum MessageLimits {
    /// The longest name of a queue, a topic or a subscription, in characters, which are ASCII.
    public static let nameCharacters = 255
    /// The longest key, of a message or of `sendOnce`, in bytes: an index holds it, together with a place.
    public static let keyBytes = 1_000
    /// The longest tag, of a message or of a subscription, in bytes.
    public static let tagBytes = 1_000
    /// The names and values of a message's headers, in bytes, added up.
    public static let headerBytes = 64 * 1024
    /// The largest body, in bytes: the payload as JSON, or a ``RawBody``. What is larger is better kept elsewhere, and sent as a reference.
    public static let bodyBytes = 16 * 1024 * 1024
    /// The longest time until a message is delivered, or delivered again; also of a lease, and of what `sendOnce` remembers.
    public static let delay = Duration.longest
    /// What is kept of the text of an error, in bytes.
    public static let errorBytes = 10_000
    /// What is kept of the reason of a dead letter, in bytes.
    public static let reasonBytes = 200
    /// How many attempts a dead letter's history tells of: the last ones.
    public static let historyAttempts = 100

    /// The most that travels in one statement, in bytes, unless a single message is larger: far below what the protocol allows.
    static let parcelBytes = 64 * 1024 * 1024
    /// What is kept of the name and version of a worker, in bytes.
    static let nameBytes = 200
}

extension MessageLimits {
    static func check<P>(_ message: Outgoing<P>) throws {
        let id = message.id
        try message.key.map { try check(.key, $0.utf8.count, keyBytes, of: id) }
        try message.tag.map { try check(.tag, $0.utf8.count, tagBytes, of: id) }
        let headers = message.headers.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        try check(.headers, headers, headerBytes, of: id)
        try message.delay.map { try check(.delay, $0, of: id) }
    }

    static func check(body: [UInt8], of message: MessageID) throws {
        try check(.body, body.count, bodyBytes, of: message)
    }
    static func check(sendOnceKey key: String, of message: MessageID) throws {
        try check(.sendOnceKey, key.utf8.count, keyBytes, of: message)
    }
    static func check(labels: [String: String]) throws {
        try check(.labels, labels.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }, headerBytes)
    }
    static func check(tag: String) throws { try check(.tag, tag.utf8.count, tagBytes) }

    private static func check(_ part: LimitExcess.Part, _ bytes: Int, _ most: Int, of message: MessageID? = nil) throws
    {
        guard bytes > most else { return }
        throw QueueError.beyondLimit(
            LimitExcess(part: part, found: .bytes(bytes), most: .bytes(most), message: message))
    }

    /// - Parameter time: of any length, when it lies in the past.
    static func check(_ part: LimitExcess.Part, _ time: Duration, of message: MessageID? = nil) throws {
        guard time > delay else { return }
        throw QueueError.beyondLimit(LimitExcess(part: part, found: .time(time), most: .time(delay), message: message))
    }
}

extension Duration {
    /// The nearest time that a message can be made to wait.
    var withinLimits: Duration { min(max(self, .zero), MessageLimits.delay) }
}
