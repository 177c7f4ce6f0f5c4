import Foundation
import HTTPTypes
import MessageQueue

extension GroupCalls {
    private static let batch = 1...16
    private static let longestTarget = 1024

    func consume(_ call: Call) async throws -> Answer {
        try account.demand(.receive, onTopic: topic)
        let (limit, wait) = try extent(of: call)
        let group = try await group(of: call)
        let received = try await orMakeAnew(group, call) {
            try await broker.receive(group.queue, limit: limit, lease: group.lease, waiting: .seconds(wait))
        }
        guard !received.isEmpty else { throw Refusal.nothingThere }
        var answer = call.rocketMQ(.ok, XMLElement("Messages", received.map { element($0, group.queue) }))
        answer.giveBack = backend.givingBack(received)
        return answer
    }

    /// Where somebody has deleted the group's queue since it was looked for, it is made anew: nothing is in it.
    private func orMakeAnew(
        _ group: ConsumerGroups.Group, _ call: Call, _ receive: () async throws -> [ReceivedMessage]
    ) async throws -> [ReceivedMessage] {
        do { return try await receive() } catch QueueError.unknownQueue {
            groups.forget(group.queue)
            _ = try await self.group(of: call)
            return []
        }
    }

    /// How many messages are wanted, and how many seconds they are waited for.
    ///
    /// - Throws: ``Refusal``.
    func extent(of call: Call) throws -> (limit: Int, wait: Int) {
        guard call.head.target.utf8.count <= Self.longestTarget else {
            throw Refusal(.invalidArgument, "The request's target has \(Self.longestTarget) characters at the most.")
        }
        let limit = try call.query.number("numOfMessages", in: Self.batch) ?? 1
        return (limit, try call.query.number("waitseconds", in: QueueAttributes.waits) ?? 0)
    }

    private func group(of call: Call) async throws -> ConsumerGroups.Group {
        let name = try consumer(of: call)
        let isOrderly = call.query["trans"] == "order"
        guard isOrderly || call.query["trans"] == nil else {
            throw Refusal(.unknownParameter, "trans is order or pop.")
        }
        let expression = call.query["tag"].flatMap { $0.isEmpty || $0 == "*" ? nil : $0 }
        guard !(expression?.utf8.contains(0) ?? false) else {
            throw Refusal(.invalidArgument, "The parameter tag has a character in it that no tag can have.")
        }
        let tags = expression?.components(separatedBy: "||").map { $0.trimmingCharacters(in: .whitespaces) }
        return try await orMakeTopic {
            try await groups.group(
                name, of: topic, tags: tags, isOrderly: isOrderly,
                limit: account.mayUse(.manage, on: "topics/\(topic)") ? nil : ConsumerGroups.mostOfReceivers)
        }
    }

    func consumer(of call: Call) throws -> String { try MQName.group(call.query["consumer"]) }

    private func element(_ received: ReceivedMessage, _ queue: QueueName) -> XMLElement {
        element(
            of: received.message, handle: backend.handles.handle(of: received.receipt, in: queue),
            first: received.firstReceivedAt ?? received.appendedAt, next: received.leaseEnds ?? .distantFuture,
            times: received.attempt)
    }

    /// - Parameters:
    ///   - first: when somebody was given it first.
    ///   - next: when somebody else may be.
    ///   - times: how often it was given to somebody.
    func element(of message: Message, handle: String, first: Date, next: Date, times: Int) -> XMLElement {
        let body = message.textForXML
        let tag = message.tag.flatMap { $0.isEmpty || !$0.canStandInXML ? nil : $0 }
        return XMLElement(
            "Message",
            [
                XMLElement("MessageId", message.id.digits),
                XMLElement("MessageBodyMD5", BodyDigest.md5(body)), XMLElement("MessageBody", body),
                XMLElement("ReceiptHandle", handle),
                XMLElement("PublishTime", message.sentAt.wholeMilliseconds),
                XMLElement("FirstConsumeTime", first.wholeMilliseconds),
                XMLElement("NextConsumeTime", next.wholeMilliseconds),
                XMLElement("ConsumedTimes", times), tag.map { XMLElement("MessageTag", $0) },
                MQProperties(headers: message.headers, key: message.key).text.map { XMLElement("Properties", $0) },
            ])
    }
}
