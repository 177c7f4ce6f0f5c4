public import Tracing

/// How the context of a trace travels: as headers of messages, written and read by the tracer of the process.
enum TraceHeaders {
    /// Of the batch that is being committed here, the traces of its messages by their keys: what is sent with such a key
    /// follows from that message.
    @TaskLocal static var ofBatch: [String: ServiceContext] = [:]

    /// The headers of a message that is sent here: with what the tracer adds to them. What the sender wrote itself stays.
    static func joined(to headers: [String: String], key: String?) -> [String: String] {
        guard let current = ServiceContext.current, headers[TraceParent.header] == nil else { return headers }
        let context = key.flatMap { ofBatch[$0] } ?? current
        return headers.merging(Self.headers(of: context)) { own, _ in own }
    }

    static func headers(of context: ServiceContext) -> [String: String] {
        var headers: [String: String] = [:]
        InstrumentationSystem.instrument.inject(context, into: &headers, using: Writer())
        return headers
    }

    /// What its sender's tracer wrote into the headers of a message.
    static func context(in headers: [String: String], by tracer: some Instrument) -> ServiceContext {
        var context = ServiceContext.topLevel
        tracer.extract(headers, into: &context, using: Reader())
        return context
    }

    private struct Writer: Injector {
        func inject(_ value: String, forKey key: String, into headers: inout [String: String]) { headers[key] = value }
    }

    /// What is malformed is not there, and without a parent its state means nothing.
    private struct Reader: Extractor {
        func extract(key: String, from headers: [String: String]) -> String? {
            let isTraceContext = key == TraceParent.header || key == TraceParent.stateHeader
            return isTraceContext ? TraceParent.headers(among: headers)[key] : headers[key]
        }
    }
}

extension ServiceContext {
    /// The headers by which whoever gets them knows the trace, as the tracer of this process writes them; none without one.
    package var traceHeaders: [String: String] { TraceHeaders.headers(of: self) }
}

extension Outgoing {
    /// The same message, as one that follows from a delivery: its handling belongs to the trace of that delivery, and not to that
    /// of the batch in which it is sent. Needed only for a message with another key than the delivery's.
    ///
    /// ```swift
    /// try broker.send(batch.map { Outgoing(Invoice($0.payload)).following($0) }, to: invoices, in: session)
    /// ```
    /// Without a tracer in this process the W3C headers of the delivery are passed on.
    public func following(_ delivery: Delivery<some Codable & Sendable>) -> Outgoing {
        var message = self
        let passed = delivery.trace.map(TraceHeaders.headers(of:)) ?? TraceParent.headers(among: delivery.headers)
        message.headers.merge(passed) { own, _ in own }
        return message
    }
}

extension ReceivedMessage {
    /// The context in which it was sent, as the tracer of this process reads it from the headers; empty without one. For
    /// programs that receive by hand: what a worker's steps do is in a span already.
    public var senderContext: ServiceContext {
        TraceHeaders.context(in: message.headers, by: InstrumentationSystem.instrument)
    }
}
