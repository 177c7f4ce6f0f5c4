import NIOCore
import NIOHTTP1

/// A response of a provider: a status and JSON.
struct Answer: Sendable {
    let status: HTTPResponseStatus
    let body: ByteBuffer

    /// With status 200, but nothing that a client could decode.
    static let nonsense = Answer(status: .ok, body: ByteBuffer(string: "<html><body>Bad gateway weather</body>"))

    private init(status: HTTPResponseStatus, body: ByteBuffer) {
        self.status = status
        self.body = body
    }

    init(_ status: HTTPResponseStatus, _ body: some Encodable) {
        do {
            self.init(status: status, body: ByteBuffer(bytes: try JSON.encode(body)))
        } catch {
            self.init(.internalServerError, problem: "\(error)")
        }
    }

    init(_ status: HTTPResponseStatus, problem: String) {
        self.init(status, ["error": problem])
    }

    /// A body behind the answer to HEAD would be read as the beginning of the next answer.
    func parts(for request: HTTPRequestHead) -> [HTTPServerResponsePart] {
        request.method == .HEAD
            ? [head(for: request), .end(nil)] : [head(for: request), .body(.byteBuffer(body)), .end(nil)]
    }

    func head(for request: HTTPRequestHead) -> HTTPServerResponsePart {
        let headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": "\(body.readableBytes)",
        ]
        return .head(HTTPResponseHead(version: request.version, status: status, headers: headers))
    }
}
