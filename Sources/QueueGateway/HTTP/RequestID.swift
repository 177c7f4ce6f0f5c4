/// Tells one answer from another: 24 hexadecimal digits in upper case.
struct RequestID: Sendable, CustomStringConvertible {
    let description: String

    init() {
        var generator = SystemRandomNumberGenerator()
        let digits = (0..<12).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        description = digits.hex.uppercased()
    }
}

extension Sequence<UInt8> {
    /// In lower case.
    var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
