import Logging
import Synchronization
import Tracing

/// Logs a line for each span that has ended. Stands for swift-otel, which one would take in production.
struct LoggedSpans: Tracer {
    let logger: Logger

    func startSpan<Instant: TracerInstant>(
        _ name: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file: String, line: UInt
    ) -> LoggedSpan {
        LoggedSpan(name, in: context(), logger: logger)
    }

    func forceFlush() {}

    // By the headers of W3C Trace Context, a trace goes on in other processes, and by those of a message in its handling.

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let identity = context[SpanIdentity.Key.self] else { return }
        injector.inject("00-\(identity.trace)-\(identity.span)-01", forKey: "traceparent", into: &carrier)
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let header = extractor.extract(key: "traceparent", from: carrier) else { return }
        let parts = header.split(separator: "-").map(String.init)
        guard parts.count >= 4, parts[1].count == 32, parts[2].count == 16 else { return }
        context[SpanIdentity.Key.self] = SpanIdentity(trace: parts[1], span: parts[2])
    }
}

/// Which span of which trace.
struct SpanIdentity: Sendable {
    enum Key: ServiceContextKey { typealias Value = SpanIdentity }

    let trace: String
    let span: String

    init(trace: String, span: String) {
        self.trace = trace
        self.span = span
    }

    /// A new span: of the same trace as its parent, or of a trace of its own.
    init(below parent: SpanIdentity?) {
        self.init(trace: parent?.trace ?? Self.digits(32), span: Self.digits(16))
    }

    private static func digits(_ count: Int) -> String {
        String((0..<count).map { _ in "0123456789abcdef".randomElement() ?? "1" })
    }
}

final class LoggedSpan: Span {
    private struct State {
        var name: String
        var attributes: SpanAttributes = [:]
        var isFailed = false
        var hasEnded = false
    }

    let context: ServiceContext
    private let identity: SpanIdentity
    private let parent: SpanIdentity?
    private let logger: Logger
    private let start = ContinuousClock.now
    private let state: Mutex<State>

    init(_ name: String, in context: ServiceContext, logger: Logger) {
        let parent = context[SpanIdentity.Key.self]
        let identity = SpanIdentity(below: parent)
        var context = context
        context[SpanIdentity.Key.self] = identity
        self.parent = parent
        self.identity = identity
        self.context = context
        self.logger = logger
        state = Mutex(State(name: name))
    }

    var operationName: String {
        get { state.withLock { $0.name } }
        set { state.withLock { $0.name = newValue } }
    }
    var attributes: SpanAttributes {
        get { state.withLock { $0.attributes } }
        set { state.withLock { $0.attributes = newValue } }
    }
    var isRecording: Bool { state.withLock { !$0.hasEnded } }

    func setStatus(_ status: SpanStatus) { state.withLock { $0.isFailed = status.code == .error } }
    func addEvent(_ event: SpanEvent) {}
    func addLink(_ link: SpanLink) {}
    func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        logger.info("error in span=\(identity.span): \(error)")
    }

    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        let ended = state.withLock { state -> State? in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            return state
        }
        guard let ended else { return }
        logger.info(
            """
            trace=\(identity.trace) span=\(identity.span) parent=\(parent?.span ?? "none") \
            name=\(ended.name) failed=\(ended.isFailed) took=\(ContinuousClock.now - start)
            """)
    }
}
