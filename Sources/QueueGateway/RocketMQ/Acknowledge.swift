import HTTPTypes
import MessageQueue

extension GroupCalls {
    func acknowledge(_ call: Call) async throws -> Answer {
        try account.demand(.receive, onTopic: topic)
        let name = try consumer(of: call)
        guard call.query["trans"] == nil else {
            throw Refusal(.unreadableHandle, "There is no half message of this handle.")
        }
        let handles = call.body.isEmpty ? [] : try XMLReader.read(call.body).children("ReceiptHandle").map(\.text)
        guard !handles.isEmpty else { throw Refusal(.missingHandle, "No receipt handle is given.") }
        let receipts = handles.map { receipt(in: $0, of: name) }
        let lost = try await backend.deletions.delete(receipts.compactMap(\.self))
        let failed = zip(handles, receipts).compactMap { handle, receipt -> XMLElement? in
            guard let receipt else { return Self.error(handle, .unreadableHandle) }
            return lost.contains(receipt) ? Self.error(handle, .nothingThere) : nil
        }
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
