import Foundation
import HTTPTypes
import MessageQueue

extension GroupCalls {
    private static let batch = 1...16
    private static let longestTarget = 1024

    func consume(_ call: Call) async throws -> Answer {
        try account.demand(.receive, onTopic: topic)
        guard call.head.target.utf8.count <= Self.longestTarget else {
            throw Refusal(.invalidArgument, "The request's target has \(Self.longestTarget) characters at the most.")
        }
        let limit = try call.query.number("numOfMessages", in: Self.batch) ?? 1
        let wait = try call.query.number("waitseconds", in: QueueAttributes.waits) ?? 0
        let group = try await group(of: call)
        let received = try await broker.receive(
            group.queue, limit: limit, lease: group.lease, waiting: .seconds(wait))
        guard !received.isEmpty else { throw Refusal.nothingThere }
        return call.rocketMQ(.ok, XMLElement("Messages", received.map { element($0, group.queue) }))
    }

    private func group(of call: Call) async throws -> ConsumerGroups.Group {
        let name = try consumer(of: call)
        switch call.query["trans"] {
        case nil, "order": break
        case "pop": throw Refusal.nothingThere
        default: throw Refusal(.unknownParameter, "trans is order or pop.")
        }
        let expression = call.query["tag"].flatMap { $0.isEmpty || $0 == "*" ? nil : $0 }
        let tags = expression?.components(separatedBy: "||").map { $0.trimmingCharacters(in: .whitespaces) }
        let isOrderly = call.query["trans"] == "order"
        return try await orMakeTopic {
            try await groups.group(name, of: topic, tags: tags, isOrderly: isOrderly)
        }
    }

    func consumer(of call: Call) throws -> String {
        guard let name = call.query["consumer"], !name.isEmpty else {
            throw Refusal(.invalidArgument, "The parameter consumer is missing.")
        }
        return name
    }

    private func element(_ received: ReceivedMessage, _ queue: QueueName) -> XMLElement {
        let body = received.message.textForXML
        let tag = received.message.tag.flatMap { $0.isEmpty || !$0.canStandInXML ? nil : $0 }
        return XMLElement(
            "Message",
            [
                XMLElement("MessageId", received.message.id.digits),
                XMLElement("MessageBodyMD5", BodyDigest.md5(body)), XMLElement("MessageBody", body),
                XMLElement("ReceiptHandle", backend.handles.handle(of: received.receipt, in: queue)),
                XMLElement("PublishTime", received.message.sentAt.wholeMilliseconds),
                XMLElement("FirstConsumeTime", (received.firstReceivedAt ?? received.appendedAt).wholeMilliseconds),
                XMLElement("NextConsumeTime", (received.leaseEnds ?? .distantFuture).wholeMilliseconds),
                XMLElement("ConsumedTimes", received.attempt), tag.map { XMLElement("MessageTag", $0) },
                MQProperties(headers: received.message.headers).text.map { XMLElement("Properties", $0) },
            ])
    }
}
