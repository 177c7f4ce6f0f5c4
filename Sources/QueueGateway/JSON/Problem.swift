import HTTPTypes

/// Why a call is refused, as its client reads it: `application/problem+json` (RFC 9457).
struct Problem: Error {
    let code: Code
    /// For people; programs go by the code.
    let detail: String
    /// All that is wrong with the call, where that can be told part by part.
    var parts: [WrongPart] = []
    var headers: HTTPFields = [:]

    init(_ code: Code, _ detail: String, parts: [WrongPart] = [], headers: HTTPFields = [:]) {
        self.code = code
        self.detail = detail
        self.parts = parts
        self.headers = headers
    }

    func answer(id: RequestID) -> Answer {
        var headers = code.headers
        for field in self.headers { headers[field.name] = field.value }
        headers[.contentType] = "application/problem+json"
        headers[.requestID] = "\(id)"
        return Answer(status: .init(code: code.status), headers: headers, body: document.bytes)
    }

    private var document: JSONText {
        let facts: JSONText = [
            "type": .string("/v1/problems#\(code.rawValue)"), "title": .string(code.title),
            "status": .integer(code.status), "detail": .string(detail), "code": .string(code.rawValue),
        ]
        return parts.isEmpty ? facts : facts.adding([("errors", .array(parts.map(\.document)))])
    }
}

/// A part of a call that is not as it has to be.
struct WrongPart: Equatable, Sendable {
    enum Place: Equatable, Sendable {
        /// In the body, as a JSON pointer (RFC 6901).
        case body(String)
        case parameter(String)
        case header(String)
    }

    let place: Place
    /// What it has to be, as the end of a sentence that begins with its name.
    let detail: String

    fileprivate var document: JSONText {
        let (kind, name) =
            switch place {
            case .body(let pointer): ("pointer", pointer)
            case .parameter(let name): ("parameter", name)
            case .header(let name): ("header", name)
            }
        return .object([(kind, .string(name)), ("detail", .string(detail))])
    }
}

extension HTTPField.Name {
    static let requestID = lowercase("x-request-id")
    static let idempotencyKey = lowercase("idempotency-key")
    static let retryAfter = lowercase("retry-after")
    static let challenge = lowercase("www-authenticate")
    static let allow = lowercase("allow")
}
