import HTTPTypes
import Hummingbird
import MessageQueue
import Metrics
import Synchronization

/// Counts and times the requests that a program answers, but for those with which operators look after it.
///
/// By the templates of their paths, so that no client makes series: what leads nowhere is one, and so are methods that
/// nobody knows. An answer is timed until it begins: a stream of events is over when somebody goes home.
struct RequestMetrics<Context: RequestContext>: RouterMiddleware {
    private let series = RequestSeries()

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if request.isOfOperators { return try await next(request, context) }
        let start = ContinuousClock.now
        var status = HTTPResponse.Status.internalServerError
        defer { series.record(request.method, context.endpointPath, status, start.duration(to: .now)) }
        do {
            let response = try await next(request, context)
            status = response.status
            return response
        } catch let error as any HTTPResponseError {
            status = error.status
            throw error
        }
    }
}

extension Metric {
    // Names and labels after OpenTelemetry's conventions for HTTP, as Prometheus writes them. Buckets of each status
    // would be many times the series, and tell little.
    static let requests = Metric(
        "http_server_requests_total", .counter, of: "requests", by: "http_request_method", "http_route",
        "http_response_status_code")
    static let requestDuration = Metric(
        "http_server_request_duration_seconds", .histogram, of: "seconds", by: "http_request_method", "http_route")

    /// Those of the programs, beside the library's.
    static let ofPrograms = [requests, requestDuration]
}

/// The series that have been met. They are kept: to ask the backend for one costs more than to look it up.
private final class RequestSeries: Sendable {
    private struct Route: Hashable {
        let method, template: String
    }

    private struct Outcome: Hashable {
        let route: Route
        let status: Int
    }

    private let counters = Mutex<[Outcome: Counter]>([:])
    private let timers = Mutex<[Route: Timer]>([:])

    /// RFC 9110, section 9.3, and RFC 5789.
    private static let methods: Set<HTTPRequest.Method> = [
        .get, .head, .post, .put, .delete, .connect, .options, .trace, .patch,
    ]

    /// - Parameter path: as the router tells it; of a route it begins with a slash.
    func record(
        _ method: HTTPRequest.Method, _ path: String?, _ status: HTTPResponse.Status, _ duration: Duration
    ) {
        let route = Route(
            method: Self.methods.contains(method) ? method.rawValue : "_OTHER",
            template: path.flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "unknown")
        counter(of: Outcome(route: route, status: status.code)).increment()
        timer(of: route).record(duration: duration)
    }

    // Made outside of the lock: two that are made at the same time are one series.
    private func counter(of outcome: Outcome) -> Counter {
        if let known = counters.withLock({ $0[outcome] }) { return known }
        let new = Metric.requests.counter(outcome.route.method, outcome.route.template, "\(outcome.status)")
        counters.withLock { $0[outcome] = new }
        return new
    }

    private func timer(of route: Route) -> Timer {
        if let known = timers.withLock({ $0[route] }) { return known }
        let new = Metric.requestDuration.timer(route.method, route.template)
        timers.withLock { $0[route] = new }
        return new
    }
}
