import Foundation
import MessageQueue

/// What a subscriber is told of a published message, where its subscription asks for more than the body.
private struct Notification: Encodable {
    let topicOwner = MNS.owner
    let topicName: String
    let subscriber = MNS.owner
    let subscriptionName, messageID, message, messageMD5: String
    let messageTag: String?
    /// A text, as the service writes it in JSON.
    let publishTime: String

    enum CodingKeys: String, CodingKey {
        case topicOwner = "TopicOwner", topicName = "TopicName", subscriber = "Subscriber"
        case subscriptionName = "SubscriptionName", messageID = "MessageId", message = "Message"
        case messageMD5 = "MessageMD5", messageTag = "MessageTag", publishTime = "PublishTime"
    }

    init(of published: Message, by subscription: String) {
        topicName = published.topic ?? ""
        subscriptionName = subscription
        messageID = published.publishedID.digits
        message = published.textForXML
        messageMD5 = BodyDigest.md5(message)
        messageTag = published.tag.flatMap { $0.isEmpty || !$0.canStandInXML ? nil : $0 }
        publishTime = "\(published.sentAt.wholeMilliseconds)"
    }

    var xml: String {
        let fields: [(CodingKeys, String?)] = [
            (.topicOwner, topicOwner), (.topicName, topicName), (.subscriber, subscriber),
            (.subscriptionName, subscriptionName), (.messageID, messageID), (.message, message),
            (.messageMD5, messageMD5), (.messageTag, messageTag), (.publishTime, publishTime),
        ]
        let elements = fields.map { key, text in text.map { XMLElement(key.rawValue, $0) } }
        return String(
            decoding: XMLElement("Notification", elements).document(in: XMLAnswers.mns.namespace), as: UTF8.self)
    }

    var json: String? {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension Message {
    /// What a client reads of it as its body: what was published or sent, or the document about it that the subscription asks for by
    /// which it came. It is made where it is read, so that a step in Swift sees the body as it was published.
    var textForSubscriber: String {
        guard let subscription else { return textForXML }
        switch NotifyContentFormat(stored: subscription.format) {
        case .simplified: return textForXML
        case .xml: return Notification(of: self, by: subscription.name).xml
        case .json: return Notification(of: self, by: subscription.name).json ?? textForXML
        }
    }
}
