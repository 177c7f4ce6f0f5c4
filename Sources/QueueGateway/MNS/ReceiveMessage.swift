import Foundation
import HTTPTypes
import MessageQueue

extension MessageCalls {
    func receive(_ call: Call, from sheet: QueueEntry) async throws -> Answer {
        let limit = try call.query.number("numOfMessages", in: Self.batch)
        let told = try call.query.number("waitseconds", in: QueueAttributes.waits)
        let wait = told ?? sheet.labels.number(.pollingWait) ?? 0
        let received = try await broker.receive(
            queue, limit: limit ?? 1, lease: sheet.settings.lease, waiting: .seconds(wait))
        var answer = try show(received.map { element($0, for: call) }, isBatch: limit != nil, call)
        answer.giveBack = backend.givingBack(received)
        return answer
    }

    func peek(_ call: Call, in sheet: QueueEntry) async throws -> Answer {
        let limit = try call.query.number("numOfMessages", in: Self.batch)
        let waiting = try await broker.peek(queue, limit: limit ?? 1)
        return try show(waiting.map { element($0, for: call) }, isBatch: limit != nil, call)
    }

    private func show(_ messages: [XMLElement], isBatch: Bool, _ call: Call) throws -> Answer {
        guard let first = messages.first else { throw Refusal.nothingThere }
        return call.mns(.ok, isBatch ? XMLElement("Messages", messages) : first)
    }

    private func element(_ received: ReceivedMessage, for call: Call) -> XMLElement {
        let handle = backend.handles.handle(of: received.receipt, in: queue)
        let body = received.message.textForSubscriber
        return XMLElement(
            "Message",
            [
                XMLElement("MessageId", received.message.id.digits), XMLElement("ReceiptHandle", handle),
                XMLElement("MessageBody", body), XMLElement("MessageBodyMD5", BodyDigest.md5(body)),
                XMLElement("EnqueueTime", received.message.sentAt.wholeMilliseconds),
                XMLElement("NextVisibleTime", (received.leaseEnds ?? .distantFuture).wholeMilliseconds),
                XMLElement("FirstDequeueTime", (received.firstReceivedAt ?? received.appendedAt).wholeMilliseconds),
                XMLElement("DequeueCount", received.attempt), XMLElement("Priority", received.priority.number),
            ] + rest(of: received.message, for: call))
    }

    private func element(_ waiting: WaitingMessage, for call: Call) -> XMLElement {
        let body = waiting.message.textForSubscriber
        return XMLElement(
            "Message",
            [
                XMLElement("MessageId", waiting.message.id.digits),
                XMLElement("MessageBody", body), XMLElement("MessageBodyMD5", BodyDigest.md5(body)),
                XMLElement("EnqueueTime", waiting.message.sentAt.wholeMilliseconds),
                XMLElement("FirstDequeueTime", Self.firstTime(of: waiting).wholeMilliseconds),
                XMLElement("DequeueCount", waiting.attempt - 1), XMLElement("Priority", waiting.priority.number),
            ] + rest(of: waiting.message, for: call))
    }

    /// Before it is received at all, it is the time of sending.
    private static func firstTime(of waiting: WaitingMessage) -> Date {
        waiting.firstReceivedAt ?? (waiting.attempt > 1 ? waiting.appendedAt : waiting.message.sentAt)
    }

    private func rest(of message: Message, for call: Call) -> [XMLElement?] {
        let group = message.key.flatMap { $0.isEmpty || !$0.canStandInXML ? nil : XMLElement("MessageGroupId", $0) }
        return [group] + (call.readsProperties ? Properties(headers: message.headers).elements : [])
    }
}

extension Call {
    /// Clients from before there were properties take each element for a text: of an answer in which one holds others they can read
    /// nothing, and what they were given is hidden until its time is over, again and again.
    fileprivate var readsProperties: Bool {
        let client = headers[.userAgent] ?? ""
        return !["aliyun-sdk-python/1.0.", "aliyun-sdk-python/1.1."].contains { client.hasPrefix($0) }
    }
}
