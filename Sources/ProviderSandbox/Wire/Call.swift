import Foundation
import NIOCore
import NIOHTTP1

/// A request to a provider.
struct Call: Sendable {
    let method: HTTPMethod
    let path: String
    let idempotencyKey: String?
    let body: Data

    init(_ request: NIOHTTPServerRequestFull) {
        method = request.head.method
        path = String(request.head.uri.prefix { $0 != "?" })
        idempotencyKey = request.head.headers.first(name: "Idempotency-Key")
        body = request.body.map { Data($0.readableBytesView) } ?? Data()
    }

    /// - Throws: ``BadCall`` when the body is not the JSON that is expected.
    func decode<Body: Decodable>(_: Body.Type = Body.self) throws(BadCall) -> Body {
        try JSON.decode(written: body)
    }
}

/// A request that is turned away before it reaches the ledger.
struct BadCall: Error {
    let status: HTTPResponseStatus
    let reason: String

    init(_ status: HTTPResponseStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}
