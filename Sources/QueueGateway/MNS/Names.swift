import MessageQueue

/// The names that MNS lets clients make: a letter or digit first, then letters, digits and hyphens. What the library calls
/// otherwise can be used, and not made.
enum MNSName {
    private static let longestOfQueue = 120

    static func checkQueue(_ name: String) throws {
        try check(name, longestOfQueue, .invalidQueueName, .queueNameTooLong)
    }
    static func checkTopic(_ name: String) throws {
        try check(name, MessageLimits.nameCharacters, .invalidTopicName, .topicNameTooLong)
    }
    static func checkSubscription(_ name: String) throws {
        try check(name, MessageLimits.nameCharacters, .invalidSubscriptionName, .subscriptionNameTooLong)
    }

    private static func check(
        _ name: String, _ longest: Int, _ invalid: Refusal.Reason, _ tooLong: Refusal.Reason
    ) throws {
        let isGood = name.utf8.enumerated().allSatisfy { place, byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "a")...UInt8(ascii: "z"): true
            default: byte == UInt8(ascii: "-") && place > 0
            }
        }
        guard isGood, !name.isEmpty else {
            throw Refusal(invalid, "A name is a letter or digit, then letters, digits and hyphens.")
        }
        guard name.utf8.count <= longest else {
            throw Refusal(tooLong, "A name has \(longest) characters at the most.")
        }
    }
}
