import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// An answer, read to its end.
struct HTTPAnswer: Sendable {
    let status: Int
    let location: String?
    let body: Data

    var text: String { String(decoding: body, as: UTF8.self) }

    struct Refusal: Error, CustomStringConvertible {
        let description: String
    }

    @discardableResult
    func require(_ good: Range<Int>) throws -> HTTPAnswer {
        guard good.contains(status) else { throw Refusal(description: "status \(status): \(text)") }
        return self
    }
}

enum HTTP {
    enum Method: String { case get = "GET", put = "PUT", post = "POST", delete = "DELETE" }

    static let limit = TimeAmount.seconds(15)

    /// Sends a request with a JSON body, if any, and waits for all of the answer.
    static func send(
        _ method: Method, _ address: String, headers: [String: String] = [:], body: Data? = nil
    ) async throws -> HTTPAnswer {
        var request = HTTPClientRequest(url: address)
        request.method = HTTPMethod(rawValue: method.rawValue)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: limit)
        let answer = try await response.body.collect(upTo: 64 << 20)
        return HTTPAnswer(
            status: Int(response.status.code), location: response.headers.first(name: "Location"),
            body: Data(answer.readableBytesView))
    }
}
