public import MessageQueue

/// What is sent by hand has to be what the steps of its queue read.
public enum MessageChecks {
    public static let all: [QueueName: @Sendable ([UInt8]) throws -> Void] = [
        Workflow.orders.name: check(Workflow.orders), Workflow.stock.name: check(Workflow.stock),
        Workflow.payment.name: check(Workflow.payment), Workflow.logistics.name: check(Workflow.logistics),
        Workflow.invoices.name: check(Workflow.invoices), Workflow.orderStatus.name: check(Workflow.orderStatus),
        Workflow.stockDispatch.name: check(Workflow.stockDispatch),
        Workflow.stockRelease.name: check(Workflow.stockRelease), Workflow.refunds.name: check(Workflow.refunds),
        Workflow.cancellations.name: check(Workflow.cancellations),
        Workflow.paymentCancel.name: check(Workflow.paymentCancel),
    ]

    private static func check<P>(_ queue: Queue<P>) -> @Sendable ([UInt8]) throws -> Void {
        { body in _ = try Payloads.decode(P.self, from: body) }
    }
}
