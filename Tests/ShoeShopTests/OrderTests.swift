import Foundation
import ShoeShop
import Testing

@Suite("The status of an order")
struct OrderTests {
    /// Everything that can be announced about an order that ends in this way, each event twice.
    static let histories: [(end: OrderStatus, events: [OrderEvent])] = [
        (.dispatched, [.processed(Story.processed), .scheduled(Story.scheduled)]),
        (
            .rejected(.undeliverable),
            [.processed(Story.processed), .impossible(Story.impossible), .refunded(Story.refunded)]
        ),
        (.rejected(.declined), [.rejected(Story.declined)]),
        (.rejected(.outOfStock), [.rejected(Story.outOfStock)]),
        (.cancelled, [.processed(Story.processed), .cancelled(Story.cancelled), .refunded(Story.refunded)]),
        (.cancelled, [.processed(Story.processed), .cancelled(Story.calledOff), .refunded(Story.refunded)]),
        (.cancelled, [.cancelled(Story.calledOff)]),
    ]

    @Test(
        "every order of the same events, each repeated, leads to the same order and the same timeline",
        arguments: histories)
    func permutations(end: OrderStatus, events: [OrderEvent]) {
        let expected = Story.told(events)
        #expect(expected.order.status == end)
        for events in (events + events).permutations {
            let told = Story.told(events)
            #expect(told.order == expected.order)
            #expect(told.timeline.sorted(by: Story.byRank) == expected.timeline.sorted(by: Story.byRank))
        }
    }

    @Test("no sequence of events, however contradictory, lets a milestone be passed twice or an end be left")
    func contradictions() {
        let all = Self.histories.flatMap(\.events)
        for events in Set(all).subtracting([.cancelled(Story.calledOff)]).prefix(7).permutations {
            var order = Story.priced
            var milestones: [Milestone] = []
            for event in events {
                let before = order
                let entries = order.apply(event)
                milestones += entries.map(\.milestone)
                if before.status.isTerminal { #expect(order.status == before.status) }
                if entries.isEmpty { #expect(order == before) }
            }
            #expect(Set(milestones).count == milestones.count)
        }
    }

    @Test("a late event changes nothing of an order and answers nothing")
    func late() {
        var order = Story.priced
        #expect(order.apply(.scheduled(Story.scheduled)).map(\.milestone) == [.reserved, .paid, .dispatched])
        let after = order
        #expect(order.apply(.processed(Story.processed)).isEmpty)
        #expect(order == after)
    }

    @Test("the first prices of an order stay")
    func pricedOnce() {
        var order = Order(id: Story.id)
        #expect(order.price(at: Money(cents: 100), on: Story.time(1)).count == 1)
        #expect(order.price(at: Money(cents: 900), on: Story.time(2)).isEmpty)
        #expect(order.total == Money(cents: 100))
    }

    @Test(
        "the status of an order reads back from what the database keeps",
        arguments: [
            .received, .priced, .paid, .dispatched, .cancelled, .rejected(.declined), .rejected(.unknownSKU),
        ] as [OrderStatus])
    func statusNames(status: OrderStatus) {
        #expect(OrderStatus(name: status.name, rejection: status.rejection?.rawValue) == status)
    }

    @Test("a rejection without a reason, or a reason without a rejection, is no status of an order")
    func inconsistentStatus() {
        #expect(OrderStatus(name: "rejected", rejection: nil) == nil)
        #expect(OrderStatus(name: "paid", rejection: "declined") == nil)
    }
}
