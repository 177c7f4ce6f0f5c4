import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport
import Testing

@Suite("What was sent stays told, whatever became of it", .timeLimit(.minutes(10)))
struct SentTests {
    @Test("everything of a sent message is told, in the order of sending, before and after it is handled")
    func told() async throws {
        try await TestBroker.with { test in
            let full = Outgoing(
                Parcel(weight: 2), key: "two", tag: "light", headers: ["colour": "red"], delay: .seconds(90))
            try await test.broker.send([Outgoing(Parcel(weight: 9)), full, Outgoing(Parcel(weight: 1))], to: Depot.log)
            try await test.broker.send([Outgoing(Parcel(weight: 5))], to: Depot.log)
            func check(_ states: [SentMessage<Parcel>.State]) async throws {
                let sent = try await test.sent(to: Depot.log)
                #expect(sent.payloads().map(\.weight) == [9, 1, 2, 5])
                #expect(sent.map(\.state) == states)
                #expect(sent.map(\.delay) == [.zero, .zero, .seconds(90), .zero])
                let second = sent[2]
                #expect(second.id == full.id && second.key == "two" && second.tag == "light" && second.topic == nil)
                #expect(second.headers == ["colour": "red"] && second.queue == "log" && second.attempt == 1)
            }
            try await check([.waiting, .waiting, .scheduled, .waiting])
            let step = Carry(queue: Depot.log) { _ in }
            try await test.drain([step])
            try await check([.done, .done, .scheduled, .done])
            try await test.drain([step], advancingUpTo: .seconds(90))
            try await check([.done, .done, .done, .done])
        }
    }

    @Test("a sent message is told once, however often it was tried, released and redriven; sent twice, twice")
    func onceEach() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1)
            let failing = Carry(queue: Depot.arrivals) { delivery in
                throw Trouble(disposition: delivery.attempt == 1 ? .snooze(.zero) : .retry)
            }
            _ = try await test.handle(with: failing)
            let trouble = Carry(queue: Depot.arrivals) { _ in throw Trouble() }
            try await test.drain([trouble], advancingUpTo: .seconds(600))
            #expect(try await test.sent(to: Depot.arrivals).map(\.state) == [.dead])
            #expect(try await test.broker.redrive().moved == 1)
            #expect(try await test.sent(to: Depot.arrivals).map(\.state) == [.waiting])
            try await test.drain([Carry(queue: Depot.arrivals) { _ in }])
            let sent = try await test.sent(to: Depot.arrivals)
            #expect(sent.map(\.state) == [.done] && sent.map(\.delay) == [.zero])

            let twice = Outgoing(Parcel(weight: 2), id: sent[0].id)
            try await test.broker.send([twice, twice], to: Depot.arrivals)
            #expect(try await test.sent(to: Depot.arrivals).payloads().map(\.weight) == [1, 2, 2])
        }
    }

    @Test("a publication is told as one message, with the queues that heard it; an unheard one leaves nothing")
    func published() async throws {
        try await TestBroker.with { test in
            try await test.broker.publish([Outgoing(Parcel(weight: 1), key: "a", tag: "heavy")], to: Depot.moved)
            try await test.broker.publish([Outgoing(Parcel(weight: 2), tag: "light")], to: Depot.moved)
            try await test.drain([Carry(queue: Depot.log) { _ in }])
            let published = try await test.published(on: Depot.moved)
            #expect(published.payloads().map(\.weight) == [1, 2])
            #expect(published.map(\.queues) == [["log", "shelves"], ["log"]])
            #expect(published[0].key == "a" && published[0].tag == "heavy")
            #expect(try await test.sent(to: Depot.shelves).map(\.topic) == ["moved"])
        }
    }

    @Test("a mark separates what was sent before it from what comes after, over retries, virtual time and equal ids")
    func marks() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1, 13)
            let step = Sort(broker: test.broker) { batch, _ in
                if batch.contains(where: { $0.payload.weight == 13 }) { throw Trouble() }
            }
            let old = try await test.sent(to: Depot.arrivals)[0].id
            let mark = try await test.mark()
            #expect(try await test.sent(to: Depot.arrivals, since: mark).isEmpty)
            try await test.drain([step], advancingUpTo: .seconds(60))
            #expect(try await test.sent(to: Depot.arrivals, since: mark).isEmpty)
            #expect(try await test.sent(to: Depot.shelves, since: mark).map(\.key) == ["p1"])
            try await test.broker.send([Outgoing(Parcel(weight: 7), id: old)], to: Depot.arrivals)
            #expect(try await test.sent(to: Depot.arrivals, since: mark).payloads().map(\.weight) == [7])
            #expect(try await test.published(on: Depot.moved, since: mark).payloads().map(\.weight) == [1])
        }
    }

    @Test(
        "whoever asks for the only sent message gets it, or an error that shows what is there; a payload of another type is named"
    )
    func mismatches() async throws {
        try await TestBroker.with { test in
            try await test.arrive(1, 2)
            let sent = try await test.sent(to: Depot.arrivals)
            #expect(try sent.only { $0.key == "p2" }.payload.weight == 2)
            #expect { try sent.only() } throws: { "\($0)".contains("2 match") && "\($0)".contains("p1") }
            #expect { try sent.only { $0.key == "p3" } } throws: { "\($0)".contains("0 match") }
            await #expect { try await test.sent(to: Queue<String>("arrivals")) } throws: {
                "\($0)".contains("\(sent[0].id)")
            }
        }
    }
}
