/// How receipts of what lies elsewhere than in the log are written: a sign that tells their kind, two numbers, and the mark of their
/// database. Digits, letters and dots only, so that they can travel in a URL as they are.
struct ReceiptText: CustomStringConvertible {
    let sign: String
    let first, second: Int64
    /// See ``Origin/mark``.
    let mark: UInt32

    var description: String { "\(sign).\(first).\(second).\(String(mark, radix: 16))" }
}

extension ReceiptText {
    /// Nil for a text of another kind.
    init?(_ text: String, sign: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == sign, let first = Int64(parts[1]), let second = Int64(parts[2]),
            let mark = UInt32(parts[3], radix: 16)
        else { return nil }
        self.init(sign: sign, first: first, second: second, mark: mark)
    }
}
