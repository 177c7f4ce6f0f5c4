import Foundation
import HTTPTypes
import MessageQueue

extension MessageCalls {
    func changeVisibility(_ call: Call, in sheet: QueueEntry) async throws -> Answer {
        guard let handle = call.query["ReceiptHandle"], !handle.isEmpty else {
            throw Refusal(.missingHandle, "The parameter ReceiptHandle is missing.")
        }
        guard let seconds = try call.query.number("VisibilityTimeout", in: QueueAttributes.visibilities) else {
            throw Refusal(.missingVisibilityTimeout, "The parameter VisibilityTimeout is missing.")
        }
        let text = try backend.handles.receipt(in: handle, of: queue)
        if let receipt = ScheduledReceipt(text) {
            guard let moved = try await broker.reschedule(receipt, to: .seconds(seconds)) else {
                throw Refusal.nothingThere
            }
            return show(moved.receipt, moved.dueAt, call)
        }
        guard let receipt = Receipt(text) else { throw Refusal.unreadableHandle }
        let visibility = try await broker.changeVisibility(of: receipt, to: .seconds(seconds))
        return show(visibility.receipt, visibility.leaseEnds, call)
    }

    private func show(_ receipt: some CustomStringConvertible, _ visible: Date, _ call: Call) -> Answer {
        call.mns(
            .ok,
            XMLElement(
                "ChangeVisibility",
                [
                    XMLElement("ReceiptHandle", backend.handles.handle(of: receipt, in: queue)),
                    XMLElement("NextVisibleTime", visible.wholeMilliseconds),
                ]))
    }
}
