import Foundation
import MessageQueue

/// Which dead letters an action was about, as the desk's previews are asked for them.
///
/// Nothing may get lost of it on the way: whoever does the rest of a purge must not purge more than was meant. So there is none of
/// an action whose filter was recorded only in part, or says what the previews can't be asked for.
struct ActionFilter {
    /// Begins with `?`; says so where every dead letter is meant.
    let query: String

    private static let names = ["reason": "reason", "message": "message", "key": "key", "error": "error"]
    /// Not of the filter.
    private static let others: Set<String> = ["rate"]
    /// Narrows down what is meant, and says by itself of nothing that it is.
    private static let bound = "through ticket"
    /// A text that has as many bytes may have been cut when it was recorded.
    private static let surelyWhole = MessageLimits.keyBytes - 4

    init?(_ queue: QueueName?, _ detail: [String: String]) {
        var fields = queue.map { [("queue", $0.text)] } ?? []
        for (name, value) in detail.sorted(by: { $0.key < $1.key })
        where !Self.others.contains(name) && name != Self.bound {
            guard value.utf8.count < Self.surelyWhole, !value.isEmpty else { return nil }
            if name == "tickets" {
                fields += value.split(separator: " ").map { ("ticket", String($0)) }
            } else {
                // Other fields of a form lose the blanks at their ends, and would mean more than was meant.
                let isKept = name == "key" || value == value.trimmingCharacters(in: .whitespacesAndNewlines)
                guard let field = Self.names[name], isKept else { return nil }
                fields.append((field, value))
            }
        }
        if fields.isEmpty { fields = [("all", "yes")] }
        if let last = detail[Self.bound] { fields.append(("through", last)) }
        query = "?" + fields.map { "\($0.0)=\($0.1.queryEscaped)" }.joined(separator: "&")
    }
}
