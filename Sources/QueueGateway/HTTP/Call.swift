import Foundation
import HTTPTypes

/// What is known of a request before its body is read.
struct CallHead: Sendable {
    fileprivate(set) var method: HTTPRequest.Method
    /// As it was sent, byte for byte: signatures cover it.
    let target: String
    /// Each part decoded; empty for the root.
    let path: [String]
    let query: Query
    let headers: HTTPFields
    /// What the answer is found by in logs.
    let id: RequestID
    /// The endpoint as the caller knows it, such as `http://queues.example:8070`.
    let endpoint: String
}

/// A request with its body.
struct Call: Sendable {
    private(set) var head: CallHead
    let body: [UInt8]

    var method: HTTPRequest.Method { head.method }
    var path: [String] { head.path }
    var query: Query { head.query }
    var headers: HTTPFields { head.headers }
    var id: RequestID { head.id }

    /// Asked by GET, whose answer that to HEAD is but for the body.
    var asGet: Call {
        var call = self
        call.head.method = .get
        return call
    }
}

extension CallHead {
    var authorization: String? { headers[.authorization] }

    /// - Throws: ``Refusal`` for a target that is no path.
    init(_ request: HTTPRequest, isEncrypted: Bool) throws {
        let target = request.path ?? ""
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard target.hasPrefix("/"), let path = Self.path(parts[0]) else {
            throw Refusal(.unknownPath, "The request's target is no path.")
        }
        self.init(
            method: request.method, target: target, path: path, query: try Query(parts.count > 1 ? parts[1] : ""),
            headers: request.headerFields, id: RequestID(),
            endpoint: (isEncrypted ? "https://" : "http://") + (request.authority ?? ""))
    }

    /// For the answer to a request whose target can't be read.
    init(unreadable request: HTTPRequest, isEncrypted: Bool = false) {
        self.init(
            method: request.method, target: request.path ?? "",
            // Enough to tell the dialect.
            path: request.path?.hasPrefix("/v1/") == true ? ["v1"] : [], query: .none, headers: request.headerFields,
            id: RequestID(), endpoint: (isEncrypted ? "https://" : "http://") + (request.authority ?? ""))
    }

    private static func path(_ text: Substring) -> [String]? {
        var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if parts.last == "" { parts.removeLast() }
        let decoded = parts.map { String($0).removingPercentEncoding }
        return decoded.contains(nil) ? nil : decoded.compactMap(\.self)
    }
}

/// The parameters of a request. Their names count without regard to case, and `+` is a plus.
struct Query: Sendable {
    private let values: [String: String]

    static let none = Query(values: [:])

    private init(values: [String: String]) { self.values = values }

    /// - Throws: ``Refusal`` for what can't be read, and for a parameter that comes twice: which of them counts, nobody would agree on.
    init(_ text: Substring) throws {
        var values: [String: String] = [:]
        for field in text.split(separator: "&") {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = String(parts[0]).removingPercentEncoding,
                let value = (parts.count > 1 ? String(parts[1]) : "").removingPercentEncoding
            else { throw Refusal(.unknownParameter, "The query can't be read.") }
            guard values.updateValue(value, forKey: name.lowercased()) == nil else {
                throw Refusal(.unknownParameter, "A parameter stands twice in the query.")
            }
        }
        self.values = values
    }

    /// In lower case.
    var names: Set<String> { Set(values.keys) }

    subscript(_ name: String) -> String? { values[name.lowercased()] }

    func isTrue(_ name: String) -> Bool { self[name]?.lowercased() == "true" }

    /// A whole number.
    ///
    /// - Throws: ``Refusal`` for one outside of the range, and for what is none.
    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text), range.contains(number) else { throw Refusal.outside(name, range) }
        return number
    }
}

extension Refusal {
    static func outside(_ name: String, _ range: ClosedRange<Int>) -> Refusal {
        Refusal(.invalidArgument, "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound).")
    }
}
