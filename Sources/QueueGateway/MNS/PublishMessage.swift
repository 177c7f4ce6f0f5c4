import HTTPTypes
import MessageQueue

extension TopicCalls {
    /// What is meant for mail and short messages (MessageAttributes) is left aside: nothing here sends any.
    func publish(_ call: Call, to topic: TopicName) async throws -> Answer {
        try account.demand(.send, onTopic: topic.text)
        try check(topic.text)
        let sheet = try await backend.topics.sheet(of: topic)
        let root = try XMLReader.read(call.body)
        guard root.name == "Message" else { throw Refusal.wrongRoot("Message") }
        let draft = try MessageDraft(root, longest: sheet.largestMessage)
        let message = try draft.outgoing()
        try await broker.publish([message], to: Topic<RawBody>(topic))
        return call.mns(.created, SentMessage(id: message.id, body: draft.body, group: draft.group).element)
    }
}
