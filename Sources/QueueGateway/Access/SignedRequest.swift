package import Foundation
import HTTPTypes

/// A request as a client of MNS sends it: what gateways are measured and tested with.
package struct SignedRequest: Sendable {
    package let method: String
    /// Path and query.
    package let target: String
    package let body: String?
    /// All that has to be sent along, but for the host and the body's length.
    package let headers: [(name: String, value: String)]

    /// Signs a request. It is good for fifteen minutes, and may be sent more than once.
    package init(
        _ method: String, _ target: String, _ body: String? = nil, by credentials: Credentials, at now: Date = Date()
    ) throws {
        (self.method, self.target, self.body) = (method, target, body)
        var headers = [("Date", RequestDate.text(of: now)), ("x-mns-version", MNS.version)]
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
        let text = Signature.mns.text(of: try CallHead(request, isEncrypted: false))
        let signature = OpenKey.signature(of: text, with: credentials.secret)
        self.headers = headers + [("Authorization", "\(Signature.mns.scheme) \(credentials.id):\(signature)")]
    }
}
