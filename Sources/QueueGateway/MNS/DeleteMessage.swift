import HTTPTypes
import MessageQueue

extension MessageCalls {
    func deleteOne(_ call: Call) async throws -> Answer {
        guard let handle = call.query["ReceiptHandle"], !handle.isEmpty else { throw Self.missing }
        if let reason = try await delete([handle])[0] { throw Refusal(of: reason) }
        return call.mns(.noContent)
    }

    func deleteMany(_ call: Call) async throws -> Answer {
        guard !call.body.isEmpty else { throw Self.missing }
        let root = try XMLReader.read(call.body)
        guard root.name == "ReceiptHandles" else { throw Refusal.wrongRoot("ReceiptHandles") }
        let handles = root.children("ReceiptHandle").map(\.text)
        guard Self.batch.contains(handles.count) else { throw Refusal.outside("The number of handles", Self.batch) }
        let failed = zip(handles, try await delete(handles)).compactMap { handle, reason in
            reason.map { Self.error(handle, Refusal(of: $0)) }
        }
        return failed.isEmpty ? call.mns(.noContent) : call.mns(.notFound, XMLElement("Errors", failed))
    }

    /// - Returns: for each handle, why it could not be used.
    private func delete(_ handles: [String]) async throws -> [Refusal.Reason?] {
        let texts = handles.map { try? backend.handles.receipt(in: $0, of: queue) }
        let receipts = texts.map { $0.flatMap { Receipt($0) } }
        var deleted = try await backend.deletions.delete(receipts.compactMap(\.self))[...]
        var reasons: [Refusal.Reason?] = []
        for (text, receipt) in zip(texts, receipts) {
            if receipt != nil {
                reasons.append(deleted.removeFirst() ? nil : .noMessage)
            } else if let scheduled = text.flatMap({ ScheduledReceipt($0) }) {
                reasons.append(try await broker.cancel(scheduled: scheduled) ? nil : .noMessage)
            } else {
                reasons.append(.unreadableHandle)
            }
        }
        return reasons
    }

    private static var missing: Refusal { Refusal(.missingHandle, "The parameter ReceiptHandle is missing.") }

    /// Exactly these three, or clients can't read it.
    private static func error(_ handle: String, _ refusal: Refusal) -> XMLElement {
        XMLElement(
            "Error",
            [
                XMLElement("ErrorCode", refusal.reason.mnsCode.code), XMLElement("ErrorMessage", refusal.text),
                XMLElement("ReceiptHandle", handle),
            ])
    }
}

extension Refusal {
    fileprivate init(of reason: Reason) { self = reason == .noMessage ? .nothingThere : .unreadableHandle }
}
