import Postgres
import TestSupport
import Testing
import Tracing

@testable import MessageQueue

@Suite("Traces that go on through messages")
struct TracingTests {
    /// Fails its first attempt of size 13, and asks nobody.
    private struct Fit: PreparingStep {
        let queue = Queue<Shoe>("shoes")
        struct TooSmall: Error {}

        func prepare(_ delivery: Delivery<Shoe>) async throws {
            if delivery.payload.size == 13, delivery.attempt == 1 { throw TooSmall() }
        }

        func commit(_ batch: [PreparedDelivery<Shoe, Void>], in session: borrowing Session) throws {}
    }

    enum Bond: CaseIterable, Sendable { case sameKey, saidSo, none }

    /// Sends what it gets on to `boxes`, with a bond to the shoe or without.
    private struct Pack: Step {
        let queue = Queue<Shoe>("shoes")
        let broker: Broker
        let bond: Bond

        func commit(_ batch: [Delivery<Shoe>], in session: borrowing Session) throws {
            let boxes = batch.map { shoe in
                switch bond {
                case .sameKey: Outgoing(shoe.payload, key: shoe.key)
                case .saidSo: Outgoing(shoe.payload, key: "box").following(shoe)
                case .none: Outgoing(shoe.payload, key: "box")
                }
            }
            try broker.send(boxes, to: Queue("boxes"), in: session)
        }
    }

    private func traced(
        _ settings: QueueSettings = .init(lanes: 1, retry: RetryPolicy(base: .milliseconds(1))),
        _ body: @Sendable (Bench, KeepingTracer) async throws -> Void
    ) async throws {
        let tracer = KeepingTracer()
        try await Bench.with(settings) { bench in try await withTracer(tracer) { try await body(bench, tracer) } }
    }

    enum Way: CaseIterable, Sendable {
        case inTransaction, alone, onConnection, once, byProducer, delayed, byTopic

        func send(_ shoe: Shoe, by broker: Broker) async throws {
            let queue = Queue<Shoe>("shoes")
            switch self {
            case .inTransaction:
                try await broker.database.write { try broker.send([Outgoing(shoe)], to: queue, in: $0) }
            case .alone: try await broker.send(shoe, to: queue)
            case .onConnection: try await broker.send([Outgoing(shoe)], to: queue, on: broker.database)
            case .once: try await broker.sendOnce([Outgoing(shoe)], to: queue)
            case .byProducer: _ = try await broker.withProducer(of: queue) { try await $0.send(shoe) }
            case .delayed: try await broker.send([Outgoing(shoe, delay: .milliseconds(1))], to: queue)
            case .byTopic:
                try await broker.declare(topic: "news")
                try await broker.subscribe("shoes", to: "news")
                try await broker.publish([Outgoing(shoe)], to: Topic("news"))
            }
        }
    }

    @Test("the handling of a message is a child of the span in which it was sent", arguments: Way.allCases)
    func child(way: Way) async throws {
        try await traced { bench, tracer in
            let sender = try await tracer.withSpan("checkout") { span in
                try await way.send(Shoe(size: 42), by: bench.broker)
                return span.kept
            }
            try await bench.work([Fit()]) { try await $0.done(1) }
            let process = try #require(tracer.spans(named: "process shoes").first)
            #expect(process.trace == sender.trace && process.parent == sender.id)
            #expect(process.kind == .consumer && process.isEnded && !process.isFailed)
            let commit = try #require(tracer.spans(named: "commit shoes").first)
            #expect(commit.trace == sender.trace && commit.parent == process.id)
            #expect(tracer.spans.count == 3)
        }
    }

    @Test("a span of a delivery says what OpenTelemetry's conventions for messaging ask for")
    func attributes() async throws {
        try await traced { bench, tracer in
            let message = Outgoing(Shoe(size: 42), key: "k1")
            try await bench.broker.send([message], to: bench.shoes)
            try await bench.work([Fit()]) { try await $0.done(1) }
            let told = try #require(tracer.spans(named: "process shoes").first).attributes
            let expected: SpanAttributes = [
                "messaging.system": "message_queue", "messaging.operation.name": "process",
                "messaging.operation.type": "process", "messaging.destination.name": "shoes",
                "messaging.message.id": "\(message.id)", "messaging.message.body.size": 11,
                "messaging.message_queue.message.key": "k1", "messaging.message_queue.message.attempt": 1,
            ]
            #expect(told == expected)
        }
    }

    @Test("each attempt has a span of its own, with its number, and one that failed tells why")
    func attempts() async throws {
        try await traced { bench, tracer in
            let sender = try await tracer.withSpan("checkout") { span in
                try await bench.broker.send(Shoe(size: 13), to: bench.shoes)
                return span.kept
            }
            try await bench.work([Fit()]) { try await $0.done(1) }
            let spans = tracer.spans(named: "process shoes")
            #expect(spans.map(\.parent) == [sender.id, sender.id])
            #expect(spans.map(\.isFailed) == [true, false])
            #expect(spans.map(\.errors) == [["TooSmall()"], []])
            let numbers = spans.map { $0.attributes["messaging.message_queue.message.attempt"]?.toSpanAttribute() }
            #expect(numbers == [1, 2])
            #expect(spans[0].attributes["error.type"]?.toSpanAttribute() == "TooSmall")
        }
    }

    @Test(
        "the commit of a batch is linked with all senders, and what is sent there follows from a message as said or by its key",
        arguments: [Bond.sameKey, .saidSo])
    func batch(bond: Bond) async throws {
        try await traced { bench, tracer in
            try await bench.broker.declare(queue: "boxes")
            var senders: [KeepingTracer.Kept] = []
            for size in 1...3 {
                senders.append(
                    try await tracer.withSpan("checkout") { span in
                        try await bench.broker.send(Shoe(size: size), to: bench.shoes, key: "k\(size)")
                        return span.kept
                    })
            }
            try await bench.work([Pack(broker: bench.broker, bond: bond)]) { try await $0.done(3) }
            let batch = try #require(tracer.spans(named: "process shoes").first)
            #expect(batch.parent == nil && batch.links == senders.map(\.id))
            #expect(batch.attributes["messaging.batch.message_count"]?.toSpanAttribute() == 3)
            let boxes = try await bench.receive(queue: "boxes")
            let parents = try boxes.map { box in
                #expect(box.message.headers["tracestate"] == "test=1")
                return try #require(box.message.headers["traceparent"]?.split(separator: "-").dropFirst().first)
            }
            #expect(Set(parents) == Set(senders.map { $0.trace[...] }))
        }
    }

    @Test("what is sent in the commit of a batch with another key, and without a word, belongs to the batch")
    func batchItself() async throws {
        try await traced { bench, tracer in
            try await bench.broker.declare(queue: "boxes")
            try await bench.send(2)
            try await bench.work([Pack(broker: bench.broker, bond: .none)]) { try await $0.done(2) }
            let batch = try #require(tracer.spans(named: "process shoes").first)
            let boxes = try await bench.receive(queue: "boxes")
            #expect(boxes.count == 2)
            for box in boxes { #expect(box.message.headers["traceparent"] == "00-\(batch.trace)-\(batch.id)-01") }
        }
    }

    @Test(
        "a header that is no trace context is ignored, and the message handled all the same",
        arguments: [
            "", "00", "nonsense", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", "00-é-b7ad6b7169203331-01",
        ])
    func malformed(header: String) async throws {
        try await traced { bench, tracer in
            let headers = ["traceparent": header, "tracestate": "x=y"]
            try await bench.broker.send([Outgoing(Shoe(size: 42), headers: headers)], to: bench.shoes)
            try await bench.work([Fit()]) { try await $0.done(1) }
            let process = try #require(tracer.spans(named: "process shoes").first)
            #expect(process.parent == nil && !process.isFailed)
        }
    }

    @Test("a trace context of a version to come is read as far as it is known")
    func versions() {
        let known = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(TraceParent.isWellFormed("00-" + known))
        #expect(TraceParent.isWellFormed("cc-" + known))
        #expect(TraceParent.isWellFormed("cc-" + known + "-what-comes"))
        #expect(!TraceParent.isWellFormed("cc-" + known + "what-comes"))
    }

    @Test("a trace context that the sender wrote itself stays, whatever span it is sent in")
    func ownHeader() async throws {
        try await traced { bench, tracer in
            let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            try await tracer.withSpan("checkout") { _ in
                try await bench.broker.send([Outgoing(Shoe(size: 42), headers: ["traceparent": own])], to: bench.shoes)
            }
            #expect(try await bench.receive().map(\.message.headers) == [["traceparent": own]])
        }
    }

    @Test("a process without a tracer adds no header, and passes a trace on to what follows")
    func withoutTracer() async throws {
        try await Bench.with(.init(lanes: 1)) { bench in
            try await bench.broker.declare(queue: "boxes")
            let context = [
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b",
            ]
            let headers = context.merging(["other": "thing"]) { $1 }
            let malformed = ["traceparent": "nonsense", "tracestate": "a=b"]
            try await bench.broker.send(
                [[:], headers, malformed].map { Outgoing(Shoe(size: 42), headers: $0) }, to: bench.shoes)
            try await bench.work([Pack(broker: bench.broker, bond: .saidSo)]) { try await $0.done(3) }
            let boxes = try await bench.receive(queue: "boxes")
            #expect(boxes.map(\.message.headers) == [[:], context, [:]])
        }
    }

    @Test("whoever receives by hand finds the context of the sender")
    func byHand() async throws {
        try await traced { bench, tracer in
            try await tracer.withSpan("checkout") { _ in try await bench.send(1) }
            let message = try #require(try await bench.receive().first)
            tracer.withSpan("by hand", context: message.senderContext) { _ in }
            #expect(tracer.spans(named: "by hand").first?.parent == tracer.spans(named: "checkout").first?.id)
        }
    }
}
