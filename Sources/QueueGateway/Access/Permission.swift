/// What a key may be used for.
public enum AccessVerb: String, Sendable, Codable, CaseIterable {
    /// To send messages, and to publish.
    case send
    /// To receive messages, and to finish what was received.
    case receive
    /// To look at messages, settings and numbers, without changing any.
    case read
    /// To make, change and delete queues, topics and subscriptions.
    case manage
}

/// Verbs, and the queues and topics that they are allowed on.
///
/// Written as `send,receive:queues/orders-*`; the verbs may be `*`, and a `*` of the pattern stands for any characters.
public struct Permission: Sendable, Codable, Equatable, CustomStringConvertible {
    /// What is allowed.
    public let verbs: Set<AccessVerb>
    /// On what: `queues/` or `topics/` and a name, or `account`, for what is noted of all of them; or a pattern of these.
    public let pattern: String

    /// Allows these verbs on what the pattern matches.
    public init(_ verbs: Set<AccessVerb>, on pattern: String) {
        self.verbs = verbs
        self.pattern = pattern
    }

    /// Everything, on everything.
    public static let everything = Permission(Set(AccessVerb.allCases), on: "*")

    /// Reads what ``description`` writes; nil when the text is none.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        let words = parts[0].split(separator: ",").map(String.init)
        let verbs = words.compactMap(AccessVerb.init)
        guard words == ["*"] || (!words.isEmpty && verbs.count == words.count) else { return nil }
        self.init(words == ["*"] ? Set(AccessVerb.allCases) : Set(verbs), on: parts[1])
    }

    public var description: String {
        let words = verbs.count == AccessVerb.allCases.count ? ["*"] : verbs.map(\.rawValue).sorted()
        return words.joined(separator: ",") + ":" + pattern
    }

    func allows(_ verb: AccessVerb, on resource: String) -> Bool {
        verbs.contains(verb) && Self.matches(Array(pattern.utf8), Array(resource.utf8))
    }

    /// Goes back to the last star only, so it takes no more steps than the product of both lengths.
    private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
        var (p, t) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == text[t] {
                (p, t) = (p + 1, t + 1)
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                (p, t) = (last.pattern + 1, last.text + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
