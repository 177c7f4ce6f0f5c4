import HTTPTypes
import Hummingbird
import Logging
import MessageQueue
import ServiceLifecycle

/// From a request to its dialect, and back. Whatever happens on the way, the client is answered in words that it knows.
struct GatewayMiddleware<Context: GatewayContext>: RouterMiddleware {
    let gateway: QueueGateway

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await respond(to: request, context, next)
        // The connection ends with this answer, and clients lose the next request on one that they take for open.
        if Task.isShuttingDownGracefully { response.headers[.connection] = "close" }
        return response
    }

    private func respond(
        to request: Request, _ context: Context, _ next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let head: CallHead
        let isEncrypted = gateway.options.isEncrypted
        do { head = try CallHead(request.head, isEncrypted: isEncrypted) } catch {
            let unreadable = CallHead(unreadable: request.head, isEncrypted: isEncrypted)
            return answer(error, to: Call(head: unreadable, body: [])).response(to: request)
        }
        if let first = head.path.first, gateway.options.pathsOfOthers.contains(first) {
            return try await next(request, context)
        }
        // No route of the router's leads here; by this the app's own metrics and traces know where it led.
        context.coreContext.endpointPath.value = gateway.dialect(of: head).template(of: head.path)
        return await answer(head, request, context).response(to: request)
    }

    private func answer(_ head: CallHead, _ request: Request, _ context: Context) async -> Answer {
        do {
            return try await gateway.budget.read(request) { body in
                let call = Call(head: head, body: body)
                do { return try await untilClientLeaves(call, context) } catch { return answer(error, to: call) }
            }
        } catch {
            // What is left of the body is nobody's business.
            return answer(error, to: Call(head: head, body: [])).closing
        }
    }

    /// Whoever waits for a message, and goes, shall not be given one; and nobody waits for us to stop.
    private func untilClientLeaves(_ call: Call, _ context: Context) async throws -> Answer {
        let dialect = gateway.dialect(of: call.head)
        guard dialect.mayWait(call) else { return try await dialect.answer(call) }
        let presence = await context.channel.presence ?? Presence()
        return try await tellingCancellation {
            try await cancelWhenGracefulShutdown { try await presence.during { try await dialect.answer(call) } }
        }
    }

    private func answer(_ error: any Error, to call: Call) -> Answer {
        let refusal = Refusal(error)
        if refusal.isOurs {
            gateway.backend.logger.error(
                "a call failed",
                metadata: ["request": "\(call.id)", "path": "\(call.path)", "error": "\(error)"])
        }
        return gateway.dialect(of: call.head).answer(refusal, to: call)
    }
}
