package import Foundation
import HTTPTypes

/// A request as a client of MNS or RocketMQ sends it: what gateways are measured and tested with.
package struct SignedRequest: Sendable {
    /// Whose client sends it.
    package enum Service: Sendable {
        case mns, rocketMQ

        fileprivate var signature: Signature { self == .mns ? .mns : .rocketMQ }
    }

    package let method: String
    /// Path and query.
    package let target: String
    package let body: String?
    /// All that has to be sent along, but for the host and the body's length.
    package let headers: [(name: String, value: String)]

    /// Signs a request. It is good for fifteen minutes, and may be sent more than once.
    package init(
        _ method: String, _ target: String, _ body: String? = nil, to service: Service = .mns,
        by credentials: Credentials, at now: Date = Date()
    ) throws {
        (self.method, self.target, self.body) = (method, target, body)
        let signature = service.signature
        var headers = [("Date", RequestDate.text(of: now)), ("\(signature.prefix)version", MNS.version)]
        if body != nil { headers.append(("Content-Type", "text/xml")) }
        var fields = HTTPFields()
        for (name, value) in headers {
            guard let name = HTTPField.Name(name) else { continue }
            fields[name] = value
        }
        guard let verb = HTTPRequest.Method(method) else {
            throw Refusal(.unknownPath, "There is no method \(method).")
        }
        let request = HTTPRequest(method: verb, scheme: "http", authority: "", path: target, headerFields: fields)
        let text = signature.text(of: try CallHead(request, isEncrypted: false))
        let signed = OpenKey.signature(of: text, with: credentials.secret)
        self.headers = headers + [("Authorization", "\(signature.scheme) \(credentials.id):\(signed)")]
    }
}
