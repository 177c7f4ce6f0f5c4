import Foundation
import MessageQueue
import Tracing

/// The span of a request to a provider, after the conventions of OpenTelemetry for HTTP clients. Nothing without a tracer in the
/// process.
struct ProviderCall: Sendable {
    private let span: (any Span)?
    /// By which the provider knows the trace.
    let headers: [String: String]

    init(_ exchange: ProviderExchange, _ url: URL?) {
        let tracer = InstrumentationSystem.tracer
        guard !(tracer is NoOpTracer) else {
            (span, headers) = (nil, [:])
            return
        }
        let span: any Span = tracer.startAnySpan(
            "\(exchange.request) \(exchange.provider)", context: .current ?? .topLevel, ofKind: .client)
        span.attributes["http.request.method"] = "POST"
        span.attributes["peer.service"] = exchange.provider
        if let url {
            span.attributes["url.full"] = Self.shown(url)
            span.attributes["server.address"] = url.host() ?? ""
        }
        self.span = span
        headers = span.context.traceHeaders
    }

    /// Without what may let somebody in: user and password, of which a bare / would move a part into the path, and the
    /// query.
    static func shown(_ url: URL) -> String {
        guard var shown = URLComponents(url: url, resolvingAgainstBaseURL: false) else { return "" }
        (shown.password, shown.user, shown.query, shown.fragment) = (nil, nil, nil, nil)
        if shown.path.contains("@") { shown.path = "" }
        return shown.string ?? ""
    }

    func answered(with status: Int) {
        span?.attributes["http.response.status_code"] = status
        if status >= 400 { span?.setStatus(SpanStatus(code: .error)) }
    }

    func failed(_ error: any Error) {
        span?.recordError(error)
        span?.setStatus(SpanStatus(code: .error))
        span?.attributes["error.type"] = "\(type(of: error))"
    }

    func end() { span?.end() }
}
