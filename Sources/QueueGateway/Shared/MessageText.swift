import Foundation
import MessageQueue

extension Message {
    /// The body as it can stand in a document: what is no such text is told in Base64, which clients of MNS decode by themselves, and an
    /// empty one as a blank, which they decode to nothing. An empty element they take for a missing one, and can read none of its batch.
    var textForXML: String {
        if body.isEmpty { return " " }
        guard let text = String(validating: body, as: UTF8.self), text.canStandInXML else {
            return Data(body).base64EncodedString()
        }
        return text
    }
}

extension MessageID {
    /// 32 hexadecimal digits in upper case.
    var digits: String { description.replacing("-", with: "").uppercased() }
}
