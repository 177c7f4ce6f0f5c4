public import MessageQueue
public import Postgres

/// All that the steps work with; each is made from it, as in `ReserveStock(shop)`.
public struct Shop: Sendable {
    public let broker: Broker
    public let database: Database
    public let payment: any PaymentProvider
    public let logistics: any LogisticsProvider
    /// Of each step that calls a provider; nil goes on trying whatever happens.
    public let breaker: CircuitBreaker?

    public init(
        broker: Broker, database: Database, payment: any PaymentProvider, logistics: any LogisticsProvider,
        breaker: CircuitBreaker? = nil
    ) {
        self.broker = broker
        self.database = database
        self.payment = payment
        self.logistics = logistics
        self.breaker = breaker
    }
}

extension Broker {
    /// Tells everybody who subscribed what happened, in the transaction in which it happened.
    func announce(_ events: [OrderEvent], in session: borrowing Session) throws {
        let byTopic = Dictionary(grouping: events) { $0.topic?.name }
        for (_, events) in byTopic {
            guard let topic = events[0].topic else {
                try send(events.map(\.outgoing), to: Workflow.orderStatus, in: session)
                continue
            }
            try publish(events.map(\.outgoing), to: topic, in: session)
        }
    }
}

extension OrderEvent {
    /// Where the event is published; nil when only the order's status depends on it.
    fileprivate var topic: Topic<OrderEvent>? {
        switch self {
        case .processed: Workflow.orderProcessed
        case .rejected: Workflow.orderRejected
        case .scheduled: Workflow.deliveryScheduled
        case .impossible: Workflow.deliveryImpossible
        case .cancelled: Workflow.orderCancelled
        case .refunded: nil
        }
    }

    var outgoing: Outgoing<OrderEvent> {
        let tag: String? = if case .rejected(let event) = self { event.reason.rawValue } else { nil }
        return Outgoing(self, key: orderID.description, tag: tag)
    }
}
