import Foundation

/// Which request it was, for errors.
struct ProviderExchange: Sendable {
    let provider: String
    let request: String
    let idempotencyKey: String

    func failure(_ kind: ProviderError.Kind, _ detail: String) -> ProviderError {
        ProviderError(
            kind: kind, provider: provider, request: request, idempotencyKey: idempotencyKey, detail: detail)
    }
}

/// A complete answer whose meaning is still open.
struct ProviderAnswer: Sendable {
    let exchange: ProviderExchange
    let status: Int
    let body: Data
    private static let decoder = JSONDecoder()

    func decode<Body: Decodable>(_: Body.Type = Body.self) throws(ProviderError) -> Body {
        do {
            return try Self.decoder.decode(Body.self, from: body)
        } catch {
            throw exchange.failure(.malformedAnswer, "status \(status): \(excerpt)")
        }
    }

    /// Holds an answer against the request that it claims to belong to.
    func require(_ echoesRequest: Bool) throws(ProviderError) {
        if !echoesRequest { throw exchange.failure(.mismatchedAnswer, excerpt) }
    }

    /// The reason of a business refusal, such as `{"status":"declined","reason":"card_declined"}`.
    func refusal(_ expected: String) throws(ProviderError) -> String {
        let refusal: Refusal = try decode()
        guard refusal.status == expected else { throw exchange.failure(.malformedAnswer, excerpt) }
        return refusal.reason
    }

    /// What a status means that is no answer to the request.
    var failure: ProviderError {
        exchange.failure(status == 422 ? .idempotencyMismatch : .unexpectedStatus(status), excerpt)
    }

    private var excerpt: String { String(decoding: body.prefix(200), as: UTF8.self) }

    private struct Refusal: Decodable {
        let status: String
        let reason: String
    }
}
