import Synchronization
import Tracing

/// What is told of a span once it has ended.
struct FinishedSpan: Sendable {
    struct Event: Sendable {
        let name: String
        let at: UInt64
        let attributes: SpanAttributes
    }

    struct Link: Sendable {
        let target: SpanIdentity
        let attributes: SpanAttributes
    }

    let identity: SpanIdentity
    let parent: UInt64?
    let kind: SpanKind
    /// Nanoseconds since 1970.
    let start: UInt64
    var end: UInt64
    var name: String
    var attributes: SpanAttributes = [:]
    var events: [Event] = []
    var links: [Link] = []
    var status: SpanStatus?
}

/// A span that goes on. One of a trace that is not recorded only passes its identity on.
final class RecordedSpan: Span {
    let context: ServiceContext
    private let isSampled: Bool
    private let state: Mutex<(span: FinishedSpan, hasEnded: Bool)>
    private let finish: @Sendable (FinishedSpan) -> Void

    init(_ span: FinishedSpan, in context: ServiceContext, finish: @escaping @Sendable (FinishedSpan) -> Void) {
        self.context = context
        self.finish = finish
        isSampled = span.identity.isSampled
        state = Mutex((span, false))
    }

    var operationName: String {
        get { state.withLock { $0.span.name } }
        set { change { $0.name = newValue } }
    }
    var attributes: SpanAttributes {
        get { state.withLock { $0.span.attributes } }
        set { change { $0.attributes = newValue } }
    }
    var isRecording: Bool { isSampled && state.withLock { !$0.hasEnded } }

    func setStatus(_ status: SpanStatus) { change { $0.status = status } }

    func addEvent(_ event: SpanEvent) {
        change {
            $0.events.append(.init(name: event.name, at: event.nanosecondsSinceEpoch, attributes: event.attributes))
        }
    }

    func addLink(_ link: SpanLink) {
        guard let target = link.context[SpanIdentityKey.self] else { return }
        change { $0.links.append(.init(target: target, attributes: link.attributes)) }
    }

    func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        var attributes = attributes
        attributes["exception.type"] = "\(type(of: error))"
        attributes["exception.message"] = "\(error)"
        let at = instant().nanosecondsSinceEpoch
        change { [attributes] in $0.events.append(.init(name: "exception", at: at, attributes: attributes)) }
    }

    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard isSampled else { return }
        let now = instant().nanosecondsSinceEpoch
        let span = state.withLock { state -> FinishedSpan? in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            state.span.end = now
            return state.span
        }
        if let span { finish(span) }
    }

    private func change(_ body: (inout FinishedSpan) -> Void) {
        guard isSampled else { return }
        state.withLock { if !$0.hasEnded { body(&$0.span) } }
    }
}
