/// Why a call is refused, in the words of no dialect: each has a table that says how it tells its own clients.
struct Refusal: Error, Equatable {
    enum Reason: CaseIterable {
        case invalidArgument, malformedBody, tooLarge, tooSlow
        case invalidQueueName, queueNameTooLong, invalidTopicName, topicNameTooLong
        case invalidSubscriptionName, subscriptionNameTooLong, invalidEndpoint
        case unreadableHandle, missingHandle, missingVisibilityTimeout
        case missingAuthorization, invalidAuthorization, missingDate, invalidDate, missingVersion, invalidVersion
        case wrongDigest, unknownPath, unknownParameter
        case tooManyRequests, accessDenied, unknownKey, wrongSignature, clockOff
        case noSuchQueue, noSuchTopic, noSuchSubscription, noMessage
        case queueExists, topicExists, subscriptionExists
        case databaseAway, unconfirmed, failed
    }

    let reason: Reason
    /// For people; programs go by the reason.
    let text: String

    init(_ reason: Reason, _ text: String) {
        self.reason = reason
        self.text = text
    }
}

extension Refusal {
    static let nothingThere = Refusal(.noMessage, "There is no such message, or none to receive.")
    static let unknownPath = Refusal(.unknownPath, "There is nothing at this path, or not by this method.")
    static let unreadableHandle = Refusal(.unreadableHandle, "This is no receipt handle of this queue.")

    static func noSuchQueue(_ name: String) -> Refusal { Refusal(.noSuchQueue, "There is no queue \(name).") }
    static func noSuchTopic(_ name: String) -> Refusal { Refusal(.noSuchTopic, "There is no topic \(name).") }
}
