public import MessageQueue

/// The queues and topics that connect the steps, each with the type of its messages.
public enum Workflow {
    public static let orders = Queue<PlacedOrder>("orders")
    public static let stock = Queue<StockRequest>("stock")
    public static let payment = Queue<PaymentRequest>("payment")
    public static let logistics = Queue<OrderProcessed>("logistics")
    public static let invoices = Queue<OrderProcessed>("invoices")
    public static let orderStatus = Queue<OrderEvent>("order-status")
    public static let stockDispatch = Queue<OrderReference>("stock-dispatch")
    public static let stockRelease = Queue<OrderReference>("stock-release")
    public static let refunds = Queue<RefundRequest>("refunds")
    public static let cancellations = Queue<OrderReference>("cancellations")
    public static let paymentCancel = Queue<OrderReference>("payment-cancel")

    public static let orderProcessed = Topic<OrderEvent>("order-processed")
    public static let orderRejected = Topic<OrderEvent>("order-rejected")
    public static let deliveryScheduled = Topic<OrderEvent>("delivery-scheduled")
    public static let deliveryImpossible = Topic<OrderEvent>("delivery-impossible")
    public static let orderCancelled = Topic<OrderEvent>("order-cancelled")
}

/// The same as data: what has to be there before a step can run.
public struct Topology: Sendable {
    public struct Subscription: Sendable, Hashable {
        public let topic: TopicName
        public let queue: QueueName
        /// Nil hears everything.
        public let tags: [String]?
    }

    public let queues: [(name: QueueName, settings: QueueSettings)]
    public let topics: [TopicName]
    public let subscriptions: [Subscription]

    public static let shop = Topology(
        queues: [
            (Workflow.orders.name, own), (Workflow.stock.name, own), (Workflow.invoices.name, own),
            (Workflow.orderStatus.name, own), (Workflow.stockDispatch.name, own), (Workflow.stockRelease.name, own),
            (Workflow.cancellations.name, own), (Workflow.paymentCancel.name, own),
            (Workflow.payment.name, thirdParty), (Workflow.logistics.name, thirdParty),
            (Workflow.refunds.name, thirdParty),
        ],
        topics: [
            Workflow.orderProcessed.name, Workflow.orderRejected.name, Workflow.deliveryScheduled.name,
            Workflow.deliveryImpossible.name, Workflow.orderCancelled.name,
        ],
        subscriptions: [
            hear(Workflow.orderProcessed, on: [Workflow.logistics.name, Workflow.invoices.name, status]),
            hear(Workflow.orderRejected, on: [status]),
            // Only a declined order has shoes set aside when it is rejected.
            hear(Workflow.orderRejected, on: [Workflow.stockRelease.name], tags: [.declined]),
            hear(Workflow.deliveryScheduled, on: [Workflow.stockDispatch.name, status]),
            hear(Workflow.orderCancelled, on: [Workflow.stockRelease.name, Workflow.paymentCancel.name, status]),
            hear(Workflow.deliveryImpossible, on: [Workflow.stockRelease.name, Workflow.refunds.name, status]),
        ].flatMap(\.self))

    /// The same with other settings of some queues.
    public func changed(_ change: (QueueName, inout QueueSettings) -> Void) -> Topology {
        let changed = queues.map { name, settings in
            var settings = settings
            change(name, &settings)
            return (name: name, settings: settings)
        }
        return Topology(queues: changed, topics: topics, subscriptions: subscriptions)
    }

    private static let status = Workflow.orderStatus.name

    /// Steps that need nothing but the database: what fails there fails briefly, or always.
    private static let own = QueueSettings(
        retry: RetryPolicy(attempts: 10, base: .milliseconds(200), cap: .seconds(10)))

    /// Steps that talk to a third party hold out for about four minutes before they give up.
    private static let thirdParty = QueueSettings(
        retry: RetryPolicy(attempts: 20, base: .milliseconds(500), cap: .seconds(15)))

    private static func hear(
        _ topic: Topic<OrderEvent>, on queues: [QueueName], tags: [Rejection]? = nil
    ) -> [Subscription] {
        queues.map { Subscription(topic: topic.name, queue: $0, tags: tags?.map(\.rawValue)) }
    }
}

extension Broker {
    /// Makes sure that everything of the topology is there; safe to call at every start, by many processes at once.
    public func declare(_ topology: Topology) async throws {
        for queue in topology.queues { try await declare(queue: queue.name, queue.settings) }
        for topic in topology.topics { try await declare(topic: topic) }
        for subscription in topology.subscriptions {
            try await subscribe(subscription.queue, to: subscription.topic, tags: subscription.tags)
        }
    }
}
