import HTTPTypes
import Hummingbird

/// What every answer says, whatever it is: no browser is to take it for something else than its type tells.
struct AnswerHeaders<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }
}
