import Tracing

/// The spans of one step, after the conventions of OpenTelemetry for messaging. Nothing without a tracer in the process.
struct StepTracing: Sendable {
    private let queue: QueueName
    private let tracer: (any Tracer)?

    /// With the tracer of the process, or of the calling task.
    init(of queue: QueueName) {
        self.queue = queue
        let tracer = InstrumentationSystem.tracer
        self.tracer = tracer is NoOpTracer ? nil : tracer
    }

    /// The context in which a message was sent; nil without a tracer.
    func context(of message: ReceivedMessage) -> ServiceContext? {
        tracer.map { TraceHeaders.context(in: message.message.headers, by: $0) }
    }

    /// Around the handling of one delivery.
    ///
    /// - Parameter body: is given the context of its span, nil without a tracer.
    func handling<T: Sendable>(
        _ message: ReceivedMessage, sentIn context: ServiceContext?, _ body: (ServiceContext?) async throws -> T
    ) async throws -> T {
        guard let tracer, let context else { return try await body(nil) }
        let span = tracer.startSpan("process \(queue)", context: context, ofKind: .consumer)
        defer { span.end() }
        span.attributes = SpanAttributes(.process, of: queue, message)
        return try await span.observing(by: tracer) { try await body(span.context) }
    }

    /// Around the transaction of a batch: with a message alone a child of its own span, otherwise linked with all of theirs.
    ///
    /// - Parameters:
    ///   - contexts: of the messages, one by one; not asked for without a tracer.
    ///   - operation: all that a step does, or only to write what was prepared.
    func committing(
        _ batch: [ReceivedMessage], in contexts: @autoclosure () -> [ServiceContext?], as operation: Operation,
        _ body: () async throws -> Void
    ) async throws {
        guard let tracer, let first = batch.first else { return try await body() }
        let contexts = contexts()
        let known = contexts.compactMap(\.self)
        let parent = batch.count == 1 ? known.first : nil
        let span = tracer.startSpan("\(operation.rawValue) \(queue)", context: parent ?? .topLevel, ofKind: .consumer)
        defer { span.end() }
        if batch.count == 1 {
            span.attributes = SpanAttributes(operation, of: queue, first)
            return try await span.observing(by: tracer, body)
        }
        span.attributes = SpanAttributes(operation, of: queue, count: batch.count)
        for context in known.prefix(Self.mostLinks) { span.addLink(SpanLink(context: context, attributes: [:])) }
        let traces = zip(batch, contexts).compactMap { message, context in
            message.message.key.flatMap { key in context.map { (key, $0) } }
        }
        try await TraceHeaders.$ofBatch.withValue(Dictionary(traces) { first, _ in first }) {
            try await span.observing(by: tracer, body)
        }
    }

    /// What exporters keep of a span's links, unless told otherwise.
    private static let mostLinks = 128

    enum Operation: String { case process, commit }
}

extension Span {
    /// Runs `body` within this span, and notes what it throws.
    fileprivate func observing<T>(by tracer: any Tracer, _ body: () async throws -> T) async throws -> T {
        do {
            return try await withTracer(tracer) { try await ServiceContext.withValue(context) { try await body() } }
        } catch {
            recordError(error)
            setStatus(SpanStatus(code: .error))
            attributes["error.type"] = "\(type(of: error))"
            throw error
        }
    }
}

extension SpanAttributes {
    /// Of one delivery.
    fileprivate init(_ operation: StepTracing.Operation, of queue: QueueName, _ received: ReceivedMessage) {
        self.init(operation, of: queue)
        let message = received.message
        self["messaging.message.id"] = message.id.description
        self["messaging.message.body.size"] = message.body.count
        self["messaging.message_queue.message.attempt"] = received.attempt
        if let key = message.key { self["messaging.message_queue.message.key"] = key }
        if let topic = message.topic { self["messaging.destination_publish.name"] = topic }
    }

    /// Of several.
    fileprivate init(_ operation: StepTracing.Operation, of queue: QueueName, count: Int) {
        self.init(operation, of: queue)
        self["messaging.batch.message_count"] = count
    }

    private init(_ operation: StepTracing.Operation, of queue: QueueName) {
        self.init([:])
        self["messaging.system"] = "message_queue"
        self["messaging.operation.name"] = operation.rawValue
        self["messaging.operation.type"] = operation == .process ? "process" : "settle"
        self["messaging.destination.name"] = queue.text
    }
}

/// Something that belongs to a trace.
protocol Traced: Sendable {
    var trace: ServiceContext? { get }
    /// What the transaction of a batch of these is.
    static var operation: StepTracing.Operation { get }
}

extension Delivery: Traced {
    static var operation: StepTracing.Operation { .process }

    /// The same delivery; a context of nil leaves the one that it has.
    func within(_ context: ServiceContext?) -> Delivery {
        var delivery = self
        delivery.trace = context ?? trace
        return delivery
    }
}
