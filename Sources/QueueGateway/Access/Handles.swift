import Crypto
import Foundation
import MessageQueue

/// Receipt handles: the engine's receipts, signed for the queue, or whatever stands for one, that they are used at, so that nobody
/// finishes what he was not given. Nothing of them is remembered here: whichever gateway gets one can tell that it is good.
struct Handles: Sendable {
    private let secret: GatewaySecret

    init(_ secret: GatewaySecret) { self.secret = secret }

    /// URL-safe, as clients put it into a URL as it is.
    func handle(of receipt: some CustomStringConvertible, in queue: some CustomStringConvertible) -> String {
        let text = "\(receipt)"
        return "\(text)-\(mark(of: text, in: queue).prefix(Self.length).hex)"
    }

    /// The text of the receipt.
    ///
    /// - Throws: ``Refusal`` for what was not handed out for this queue.
    func receipt(in handle: String, of queue: some CustomStringConvertible) throws -> String {
        guard let end = handle.lastIndex(of: "-") else { throw Refusal.unreadableHandle }
        let (text, told) = (String(handle[..<end]), handle[handle.index(after: end)...])
        let expected = mark(of: text, in: queue).prefix(Self.length).hex
        guard Self.areEqual(Array(told.utf8), Array(expected.utf8)) else { throw Refusal.unreadableHandle }
        return text
    }

    private static let length = 12

    private func mark(of receipt: String, in queue: some CustomStringConvertible) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Data("\(queue)\n\(receipt)".utf8), using: secret.handles))
    }

    private static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.count == other.count && zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
