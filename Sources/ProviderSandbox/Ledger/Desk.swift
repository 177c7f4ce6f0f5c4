import NIOHTTP1

/// Answers the requests that come through a provider's door.
protocol Desk: Sendable {
    func answer(_ call: Call) async -> Answer
    var statement: any Encodable & Sendable { get }
}

/// A desk with a ledger on it: posts are settled once per idempotency key, `/ledger` shows the book.
struct LedgerDesk<B: Book>: Desk {
    let ledger: Ledger<B>

    var statement: any Encodable & Sendable { ledger.book.statement }

    func answer(_ call: Call) async -> Answer {
        do {
            return try await route(call)
        } catch let bad as BadCall {
            return Answer(bad.status, problem: bad.reason)
        } catch LedgerError.keyReused(let key) {
            return Answer(.unprocessableEntity, problem: "\(LedgerError.keyReused(key))")
        } catch {
            return Answer(.internalServerError, problem: "\(error)")
        }
    }

    private func route(_ call: Call) async throws -> Answer {
        switch (call.method, call.path) {
        case (.GET, "/ledger"), (.HEAD, "/ledger"):
            return Answer(.ok, ledger.book.statement)
        case (.GET, "/ledger/summary"), (.HEAD, "/ledger/summary"):
            return Answer(.ok, ledger.book.summary)
        case (.POST, _):
            guard let request = try B.request(from: call) else { fallthrough }
            guard let key = call.idempotencyKey, !key.isEmpty else {
                throw BadCall(.badRequest, "the header Idempotency-Key is missing")
            }
            return B.answer(for: try await ledger.settle(request, key: key))
        default:
            throw BadCall(.notFound, "there is no \(call.method) \(call.path)")
        }
    }
}
