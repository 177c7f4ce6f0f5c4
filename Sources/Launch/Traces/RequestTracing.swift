import Hummingbird

/// A span for each request, but for those with which operators look after the process.
struct RequestTracing<Context: RequestContext>: RouterMiddleware {
    private let tracing = TracingMiddleware<Context>()

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        if request.isOfOperators { return try await next(request, context) }
        return try await tracing.handle(request, context: context, next: next)
    }
}
