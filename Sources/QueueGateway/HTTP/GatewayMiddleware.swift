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
        let made = await answer(head, request, context)
        if let hold = made.hold { await context.channel.keep(hold) }
        return made.response(to: request)
    }

    private func answer(_ head: CallHead, _ request: Request, _ context: Context) async -> Answer {
        do {
            return try await gateway.budget.read(request) { body in
                let call = Call(head: head, body: body)
                do { return try await answer(call, context) } catch { return answer(error, to: call) }
            }
        } catch {
            // What is left of the body is nobody's business.
            return answer(error, to: Call(head: head, body: [])).closing
        }
    }

    private func answer(_ call: Call, _ context: Context) async throws -> Answer {
        // What has a body has found room for that. What is deleted needs none, and its answer little.
        if call.body.isEmpty, call.method != .delete { try gateway.budget.demandRoom() }
        return try await holding(untilClientLeaves(call, context), call)
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

    /// Takes room for the answer until it is read. Without any the client may ask again: what it was to be handed is given back.
    private func holding(_ answer: Answer, _ call: Call) async throws -> Answer {
        var answer = answer
        let canAskAgain = answer.giveBack != nil || [.get, .head].contains(call.method)
        do {
            answer.hold = try gateway.budget.room(forAnswer: answer.body.count, isNeeded: !canAskAgain)
        } catch {
            await answer.giveBack?()
            throw error
        }
        // It has the messages with it.
        answer.giveBack = nil
        return answer
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
