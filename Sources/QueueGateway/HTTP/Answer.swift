import HTTPTypes
import Hummingbird
import NIOCore

/// What a call is answered.
struct Answer: Sendable {
    var status: HTTPResponse.Status
    var headers: HTTPFields = [:]
    var body: [UInt8] = []
    /// Gives back what the answer hands over, as if nobody had asked for it; nil where there is nothing to give back.
    var giveBack: (@Sendable () async -> Void)?
    /// Of a large one, until its client has read it: see ``ConnectionGuard``.
    var hold: BodyBudget.Hold?

    func response(to request: Request) -> Response {
        guard !body.isEmpty else { return Response(status: status, headers: headers) }
        let response = Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
        // A body behind the answer to HEAD would be read as the beginning of the next answer.
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// What follows of the request has not been read, and won't be.
    var closing: Answer {
        var answer = self
        answer.headers[.connection] = "close"
        return answer
    }
}

extension HTTPField.Name {
    /// Clients look these up as they are spelled here, in lower case; so they are written.
    static func lowercase(_ name: String) -> HTTPField.Name {
        guard let name = Self(name) else { preconditionFailure("\(name) is no name of a header") }
        return name
    }

    static let mnsRequestID = lowercase("x-mns-request-id")
    static let mnsVersion = lowercase("x-mns-version")
    static let mnsDate = lowercase("x-mns-date")
    static let mqRequestID = lowercase("x-mq-request-id")
    static let mqVersion = lowercase("x-mq-version")
    static let contentMD5 = lowercase("content-md5")
}
