import Synchronization
import Tracing

/// A tracer that keeps its spans, and travels in the headers of W3C Trace Context as it finds them.
final class KeepingTracer: Tracer {
    /// What is kept of a span, from its start on.
    struct Kept: Sendable {
        let name: String
        let kind: SpanKind
        let trace: String
        let id: String
        let parent: String?
        var attributes: SpanAttributes = [:]
        var links: [String] = []
        var errors: [String] = []
        var isFailed = false
        var isEnded = false
    }

    private let state = Mutex<[Kept]>([])

    var spans: [Kept] { state.withLock { $0 } }

    func spans(named name: String) -> [Kept] { spans.filter { $0.name == name } }

    private struct Identity: ServiceContextKey {
        typealias Value = (trace: String, span: String)
    }

    final class Span: Tracing.Span {
        let context: ServiceContext
        private let tracer: KeepingTracer
        private let number: Int

        init(context: ServiceContext, tracer: KeepingTracer, number: Int) {
            self.context = context
            self.tracer = tracer
            self.number = number
        }

        var kept: Kept { tracer.state.withLock { $0[number] } }
        private func change(_ body: (inout Kept) -> Void) { tracer.state.withLock { body(&$0[number]) } }

        var operationName: String {
            get { kept.name }
            set {}
        }
        var attributes: SpanAttributes {
            get { kept.attributes }
            set { change { $0.attributes = newValue } }
        }
        var isRecording: Bool { !kept.isEnded }
        func setStatus(_ status: SpanStatus) { change { $0.isFailed = status.code == .error } }
        func addEvent(_ event: SpanEvent) {}
        func recordError<Instant: TracerInstant>(
            _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
        ) { change { $0.errors.append("\(error)") } }
        func addLink(_ link: SpanLink) { change { $0.links.append(link.context[Identity.self]?.span ?? "nothing") } }
        func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) { change { $0.isEnded = true } }
    }

    func startSpan<Instant: TracerInstant>(
        _ name: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file: String, line: UInt
    ) -> Span {
        var context = context()
        let parent = context[Identity.self]
        let identity = (trace: parent?.trace ?? Self.fresh(32), span: Self.fresh(16))
        context[Identity.self] = identity
        let kept = Kept(name: name, kind: kind, trace: identity.trace, id: identity.span, parent: parent?.span)
        let number = state.withLock { spans in
            spans.append(kept)
            return spans.count - 1
        }
        return Span(context: context, tracer: self, number: number)
    }

    func forceFlush() {}

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let identity = context[Identity.self] else { return }
        injector.inject("00-\(identity.trace)-\(identity.span)-01", forKey: "traceparent", into: &carrier)
        injector.inject("test=1", forKey: "tracestate", into: &carrier)
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let header = extractor.extract(key: "traceparent", from: carrier) else { return }
        let parts = header.split(separator: "-").map(String.init)
        context[Identity.self] = (parts[1], parts[2])
    }

    private static func fresh(_ digits: Int) -> String {
        String((0..<digits).map { _ in "0123456789abcdef".randomElement() ?? "1" })
    }
}
