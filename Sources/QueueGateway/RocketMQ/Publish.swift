import Foundation
import HTTPTypes
import MessageQueue

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
        guard let text = properties.startTime else { return nil }
        guard let start = Double(text), start.isFinite else {
            throw Refusal(.invalidArgument, "__STARTDELIVERTIME is a time in milliseconds since 1970.")
        }
        let milliseconds = start - Date().timeIntervalSince1970 * 1000
        guard milliseconds <= Self.longestDelay else {
            throw Refusal(.invalidArgument, "A message is delivered within three days.")
        }
        guard milliseconds > 0 else { return nil }
        // The service has each message of one kind.
        guard properties.shardingKey == nil else {
            throw Refusal(.invalidArgument, "A message is timed or has a sharding key, not both.")
        }
        return .milliseconds(milliseconds)
    }

    private func store(_ message: Outgoing<RawBody>, delay: Duration?) async throws {
        let target = Topic<RawBody>(TopicName(topic))
        guard let delay else { return try await broker.publish([message], to: target) }
        try await broker.publish([message], to: target, after: delay)
    }
}
