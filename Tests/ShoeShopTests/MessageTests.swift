import Foundation
import MessageQueue
import Testing

@testable import ShoeShop

@Suite("What travels between the steps")
struct MessageTests {
    static let events: [OrderEvent] = [
        .processed(Story.processed), .rejected(Story.declined), .rejected(Story.outOfStock),
        .scheduled(Story.scheduled), .impossible(Story.impossible), .refunded(Story.refunded),
        .cancelled(Story.cancelled),
    ]

    private func travelled<P: Decodable>(_ message: some Encodable, as type: P.Type) throws -> P {
        try JSONDecoder().decode(type, from: try JSONEncoder().encode(message))
    }

    @Test("an event arrives as it was sent", arguments: events)
    func roundTrip(event: OrderEvent) throws {
        #expect(try travelled(event, as: OrderEvent.self) == event)
    }

    @Test("each subscriber of a topic finds in its events what it needs")
    func subscribers() throws {
        #expect(try travelled(OrderEvent.processed(Story.processed), as: OrderProcessed.self) == Story.processed)
        for event: OrderEvent in [
            .rejected(Story.declined), .impossible(Story.impossible), .scheduled(Story.scheduled),
            .cancelled(Story.cancelled),
        ] {
            #expect(try travelled(event, as: OrderReference.self) == OrderReference(orderID: Story.id))
        }
        let refund = RefundRequest(orderID: Story.id, chargeID: "ch_1", amount: Story.order.total)
        #expect(try travelled(OrderEvent.impossible(Story.impossible), as: RefundRequest.self) == refund)
    }

    @Test("the payment token goes no farther than the payment")
    func tokenStays() throws {
        let json = String(decoding: try JSONEncoder().encode(OrderEvent.processed(Story.processed)), as: UTF8.self)
        #expect(!json.contains("tok"))
    }

    @Test(
        "a message with a number that no order can have is unreadable, so nobody computes with it",
        arguments: [
            (#""quantity":2"#, #""quantity":-9223372036854775808"#),
            (#""quantity":2"#, #""quantity":9223372036854775807"#),
            (#""quantity":2"#, #""quantity":0"#), (#""quantity":2"#, #""quantity":1001"#),
            (#""unitPrice":8490"#, #""unitPrice":9223372036854775807"#), (#""unitPrice":8490"#, #""unitPrice":-1"#),
            (#""total":24470"#, #""total":9223372036854775807"#), (#""total":24470"#, #""total":-1"#),
        ])
    func absurd(good: String, bad: String) throws {
        var tried = 0
        for (queue, message) in Self.orders(of: Story.order) {
            let check = try #require(MessageChecks.all[queue])
            let text = String(decoding: try JSONEncoder().encode(message), as: UTF8.self)
            #expect(throws: Never.self) { try check(Array(text.utf8)) }
            guard text.contains(good) else { continue }
            tried += 1
            #expect(throws: DecodingError.self, "\(queue)") {
                try check(Array(text.replacing(good, with: bad).utf8))
            }
        }
        #expect(tried >= 4)
    }

    @Test("a message with more lines than an order can have is unreadable")
    func crowded() throws {
        let lines = Array(repeating: Story.order.lines[0], count: 1001)
        let order = PricedOrder(
            id: Story.id, customer: Story.order.customer, address: Story.order.address, lines: lines)
        for (queue, message) in Self.orders(of: order) {
            let check = try #require(MessageChecks.all[queue])
            let body = Array(try JSONEncoder().encode(message))
            #expect(throws: DecodingError.self, "\(queue)") { try check(body) }
        }
    }

    /// The messages that carry lines.
    private static func orders(of order: PricedOrder) -> [(QueueName, any Encodable)] {
        let processed = OrderProcessed(order: order, chargeID: "ch_1", reservedAt: Story.time(1), paidAt: Story.time(2))
        let lines = order.lines.map { OrderLine(sku: $0.sku, quantity: $0.quantity) }
        let placed = PlacedOrder(
            id: order.id, customer: order.customer, address: order.address, lines: lines, paymentToken: "tok_1")
        let payment = PaymentRequest(order: order, paymentToken: "tok_1", reservedAt: Story.time(1))
        return [
            (Workflow.orders.name, placed), (Workflow.payment.name, payment),
            (Workflow.stock.name, StockRequest(order: order, paymentToken: "tok_1")),
            (Workflow.logistics.name, processed), (Workflow.invoices.name, processed),
        ]
    }

    @Test("every queue and topic that is subscribed is declared")
    func topology() {
        let queues = Set(Topology.shop.queues.map(\.name))
        for subscription in Topology.shop.subscriptions {
            #expect(queues.contains(subscription.queue))
            #expect(Topology.shop.topics.contains(subscription.topic))
        }
        #expect(queues.count == 11)
    }

    @Test("order ids made later sort later, as text, as bytes and as values")
    func orderIDs() {
        let ids = (0..<100).map { OrderID.new(at: Story.time(Double($0) / 100)) }
        #expect(ids.sorted() == ids)
        #expect(ids.map(\.description).sorted() == ids.map(\.description))
        #expect(ids.allSatisfy { OrderID($0.description) == $0 && Array($0.description)[14] == "7" })
    }
}
