import Foundation
package import HTTPTypes
package import Hummingbird
package import Logging
import Postgres
package import ShoeShop

/// An error as the customer's program reads it: `application/problem+json` (RFC 9457).
package struct Problem: Error, Encodable {
    let type = "about:blank"
    package let title: String
    let status: Int
    package private(set) var detail: String?
    /// Every wrong field of a submission.
    package private(set) var errors: [FieldError]?
    package let httpStatus: HTTPResponse.Status
    private let headers: HTTPFields

    private enum CodingKeys: CodingKey { case type, title, status, detail, errors }

    package init(
        _ status: HTTPResponse.Status, _ title: String, detail: String? = nil, errors: [FieldError]? = nil,
        headers: HTTPFields = [:]
    ) {
        self.title = title
        self.status = status.code
        self.detail = detail
        self.errors = errors
        self.httpStatus = status
        self.headers = headers
    }

    func response() throws -> Response {
        var response = try JSONAnswer.response(self, status: httpStatus)
        response.headers[.contentType] = "application/problem+json"
        return withOwnHeaders(response)
    }

    fileprivate func withOwnHeaders(_ response: Response) -> Response {
        var response = response
        for header in headers { response.headers[header.name] = header.value }
        return response
    }
}

extension Problem {
    fileprivate static let databaseAway = Problem(
        .serviceUnavailable, "The database can't be reached at the moment.", detail: "Nothing was stored. Try again.",
        headers: [.retryAfter: "2"])
    fileprivate static let unconfirmed = Problem(
        .serviceUnavailable, "The database has not confirmed it.",
        detail: "Whether it was stored is unknown. Repeat the request, an order with the same Idempotency-Key.",
        headers: [.retryAfter: "2"])
}

/// Turns whatever a route throws into a problem.
package struct Problems<Context: RequestContext>: RouterMiddleware {
    /// A problem as a page; nil for a request that wants none.
    package typealias Page = @Sendable (Problem, Request) -> Response?

    private let paths: Paths
    private let logger: Logger
    private let page: Page

    package init(paths: Paths, logger: Logger, page: @escaping Page = { _, _ in nil }) {
        self.paths = paths
        self.logger = logger
        self.page = page
    }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do { return try await next(request, context) } catch {
            let problem = problem(from: error, in: request)
            let response = try page(problem, request).map(problem.withOwnHeaders) ?? problem.response()
            // A body behind the answer to HEAD would be read as the beginning of the next answer.
            return request.method == .head ? response.createHeadResponse() : response
        }
    }

    private func problem(from error: any Error, in request: Request) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as HTTPError where error.status == .notFound:
            if let allowed = paths.method(at: request.uri.path, otherThan: request.method) {
                let methods = allowed == .get ? "GET, HEAD" : allowed.rawValue
                return Problem(
                    .methodNotAllowed, "This path only has \(allowed.rawValue).", headers: [.allow: methods])
            }
            return Problem(
                .notFound, "There is nothing at this path.", detail: "GET /openapi.yaml tells what there is.")
        case let error as HTTPError: return Problem(error.status, error.body ?? error.status.reasonPhrase)
        case let error as PostgresError where error.isConnectionTrouble || error.isRetryable:
            logger.warning("the database is away", metadata: ["error": "\(error)"])
            return error.kind == .outcomeUnknown ? .unconfirmed : .databaseAway
        default:
            logger.error("a request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return Problem(.internalServerError, "Something went wrong here.")
        }
    }
}

/// JSON as this API writes it.
package enum JSONAnswer {
    package static func response(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
    }

    /// In one line.
    package static func text(_ value: some Encodable) throws -> String {
        String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()
}
