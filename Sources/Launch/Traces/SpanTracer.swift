import Tracing

/// Makes spans that are told when they end, and lets their traces travel in the headers of W3C Trace Context.
struct SpanTracer: Tracer {
    let exporter: SpanExporter
    /// Of traces that begin here, which share is recorded; of others their beginning has decided.
    let share: Double

    private static let parentHeader = "traceparent"
    private static let stateHeader = "tracestate"

    func startSpan<Instant: TracerInstant>(
        _ name: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file: String, line: UInt
    ) -> RecordedSpan {
        var context = context()
        let parent = context[SpanIdentityKey.self]
        let identity = SpanIdentity(below: parent, share: share)
        context[SpanIdentityKey.self] = identity
        let now = instant().nanosecondsSinceEpoch
        let span = FinishedSpan(
            identity: identity, parent: parent?.span, kind: kind, start: now, end: now, name: name)
        return RecordedSpan(span, in: context) { [exporter] in exporter.add($0) }
    }

    func forceFlush() {}

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let identity = context[SpanIdentityKey.self] else { return }
        injector.inject(identity.header, forKey: Self.parentHeader, into: &carrier)
        if let state = identity.state { injector.inject(state, forKey: Self.stateHeader, into: &carrier) }
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let header = extractor.extract(key: Self.parentHeader, from: carrier) else { return }
        let state = extractor.extract(key: Self.stateHeader, from: carrier)
        if let identity = SpanIdentity(header: header, state: state) { context[SpanIdentityKey.self] = identity }
    }
}
