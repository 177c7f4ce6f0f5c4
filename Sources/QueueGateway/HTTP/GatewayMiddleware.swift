import HTTPTypes
import Hummingbird
import Logging
import ServiceLifecycle

/// From a request to its dialect, and back. Whatever happens on the way, the client is answered in words that it knows.
struct GatewayMiddleware<Context: RequestContext>: RouterMiddleware {
    let gateway: QueueGateway

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let head: CallHead
        do { head = try CallHead(request.head, isEncrypted: gateway.options.isEncrypted) } catch {
            return answer(error, to: Call(head: CallHead(unreadable: request.head), body: [])).response(to: request)
        }
        if let first = head.path.first, gateway.options.pathsOfOthers.contains(first) {
            return try await next(request, context)
        }
        return await answer(head, request).response(to: request)
    }

    private func answer(_ head: CallHead, _ request: Request) async -> Answer {
        do {
            return try await gateway.budget.read(request) { body in
                let call = Call(head: head, body: body)
                let answer: Answer
                do { answer = try await untilClientLeaves(request, call) } catch {
                    answer = self.answer(error, to: call)
                }
                return gateway.dialect(of: head).mayWait(call) ? answer.closing : answer
            }
        } catch {
            // What is left of the body is nobody's business.
            return answer(error, to: Call(head: head, body: [])).closing
        }
    }

    /// Whoever waits for a message, and goes, shall not be given one; and nobody waits for us to stop.
    ///
    /// To see that a client goes takes the rest of its connection, so the answer to one that may wait is the last one there, and says
    /// so: a client that took it for one that stays would lose its next request.
    private func untilClientLeaves(_ request: Request, _ call: Call) async throws -> Answer {
        let dialect = gateway.dialect(of: call.head)
        guard dialect.mayWait(call) else { return try await dialect.answer(call) }
        return try await cancelWhenGracefulShutdown {
            try await request.body.consumeWithCancellationOnInboundClose { _ in try await dialect.answer(call) }
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
