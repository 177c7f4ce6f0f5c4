import Foundation
import HTTPTypes
import MessageQueue
import Postgres

extension GroupCalls {
    /// Timed messages may be so far ahead.
    private static let longestDelay = 3 * 86_400_000.0
    /// In bytes; a request's body, where characters are escaped, may be larger.
    private static let largestBody = 1 << 20

    func publish(_ call: Call) async throws -> Answer {
        try account.demand(.send, onTopic: topic)
        let root = try XMLReader.read(call.body)
        guard root.name == "Message" else { throw Refusal.wrongRoot("Message") }
        guard let body = root["MessageBody"], !body.isEmpty else {
            throw Refusal(.invalidArgument, "MessageBody is missing, or empty.")
        }
        guard body.utf8.count <= Self.largestBody else {
            throw Refusal(.invalidArgument, "MessageBody has \(Self.largestBody) bytes at the most.")
        }
        let properties = MQProperties(root["Properties"] ?? "")
        // A message has one key, by which it is ordered as well as found.
        let message = Outgoing(
            RawBody(body), key: properties.shardingKey ?? properties.keys,
            tag: root["MessageTag"].flatMap { $0.isEmpty ? nil : $0 }, headers: try properties.headers())
        let handle = try await store(message, properties)
        return call.rocketMQ(
            .created,
            XMLElement(
                "Message",
                [
                    XMLElement("MessageId", message.id.digits), XMLElement("MessageBodyMD5", BodyDigest.md5(body)),
                    handle.map { XMLElement("ReceiptHandle", $0) },
                ]))
    }

    /// - Returns: the handle of a half message; nil for one that is heard without further ado.
    private func store(_ message: Outgoing<RawBody>, _ properties: MQProperties) async throws -> String? {
        let delay = try delay(properties)
        guard let time = properties.checkTime else {
            try await orMakeTopic { try await store(message, delay: delay) }
            return nil
        }
        guard delay == nil else {
            throw Refusal(.invalidArgument, "A half message is not timed: it is heard when it is committed.")
        }
        return try await prepare(message, check: time)
    }

    /// Nil for one that is to be delivered at once, or was by now.
    private func delay(_ properties: MQProperties) throws -> Duration? {
        guard let start = properties.startTime else { return nil }
        let milliseconds = start - Date().timeIntervalSince1970 * 1000
        guard milliseconds <= Self.longestDelay else {
            throw Refusal(.invalidArgument, "A message is delivered within three days.")
        }
        return milliseconds > 0 ? .milliseconds(milliseconds) : nil
    }

    private func store(_ message: Outgoing<RawBody>, delay: Duration?) async throws {
        guard let delay else { return try await broker.publish([message], to: Topic<RawBody>(TopicName(topic))) }
        let entries = try await broker.subscriptions(of: TopicName(topic), limit: Int(Int32.max))
        let hearing = entries.map(\.subscription).filter { subscription in
            subscription.tags.map { $0.contains(message.tag ?? "") } ?? true
        }
        let queues = hearing.compactMap { subscription -> QueueName? in
            if case .queue(let queue) = subscription.endpoint { queue } else { nil }
        }
        var delayed = message
        delayed.delay = delay
        try await broker.database.write { [delayed] session in
            for queue in queues { try broker.send([delayed], to: Queue(queue), in: session) }
        }
    }
}
