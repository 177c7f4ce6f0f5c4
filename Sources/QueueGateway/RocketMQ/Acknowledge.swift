import HTTPTypes
import MessageQueue

extension GroupCalls {
    func acknowledge(_ call: Call) async throws -> Answer {
        try account.demand(.receive, onTopic: topic)
        let name = try consumer(of: call)
        let handles = try handles(in: call)
        let receipts = handles.map { receipt(in: $0, of: name) }
        var done = try await backend.deletions.delete(receipts.compactMap(\.self))[...]
        let reasons = zip(handles, receipts).map { handle, receipt -> (String, Refusal?) in
            guard receipt != nil else { return (handle, .unreadableHandle) }
            return (handle, done.removeFirst() ? nil : .nothingThere)
        }
        return answer(call, failed: reasons)
    }

    /// - Throws: ``Refusal`` for none.
    func handles(in call: Call) throws -> [String] {
        let handles = call.body.isEmpty ? [] : try XMLReader.read(call.body).children("ReceiptHandle").map(\.text)
        guard !handles.isEmpty else { throw Refusal(.missingHandle, "No receipt handle is given.") }
        return handles
    }

    /// Tells which handles were worth nothing, and why.
    func answer(_ call: Call, failed reasons: [(handle: String, reason: Refusal?)]) -> Answer {
        let failed = reasons.compactMap { handle, reason in reason.map { Self.error(handle, $0) } }
        return failed.isEmpty ? call.rocketMQ(.noContent) : call.rocketMQ(.notFound, XMLElement("Errors", failed))
    }

    /// A handle does not say how it was consumed.
    private func receipt(in handle: String, of group: String) -> Receipt? {
        for isOrderly in [false, true] {
            let queue = ConsumerGroups.queue(of: group, topic, isOrderly: isOrderly)
            if let text = try? backend.handles.receipt(in: handle, of: queue) { return Receipt(text) }
        }
        return nil
    }

    private static func error(_ handle: String, _ refusal: Refusal) -> XMLElement {
        XMLElement(
            "Error",
            [
                XMLElement("ErrorCode", refusal.reason.rocketMQCode.code), XMLElement("ErrorMessage", refusal.text),
                XMLElement("ReceiptHandle", handle),
            ])
    }
}
