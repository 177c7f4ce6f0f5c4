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
