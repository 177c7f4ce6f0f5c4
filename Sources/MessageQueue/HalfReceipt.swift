/// What a half message is committed or rolled back with, until a time, once.
///
/// As a text it can be handed to anybody, also through another process. Like a ``Receipt`` it is good for the database that it comes
/// from, and for no other.
public struct HalfReceipt: Hashable, Sendable, CustomStringConvertible {
    let number: Int64
    /// How often its producers had been asked when it was handed out: it is good for no other turn.
    let turn: Int32
    /// See ``Origin/mark``.
    let mark: UInt32

    init(number: Int64, turn: Int32, mark: UInt32) {
        self.number = number
        self.turn = turn
        self.mark = mark
    }

    /// Reads what ``description`` wrote; nil for any other text, a ``Receipt`` too.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == Self.sign, let number = Int64(parts[1]), let turn = Int32(parts[2]),
            let mark = UInt32(parts[3], radix: 16)
        else { return nil }
        self.init(number: number, turn: turn, mark: mark)
    }

    /// Digits, letters and dots only, so that it can travel in a URL as it is.
    public var description: String { "\(Self.sign).\(number).\(turn).\(String(mark, radix: 16))" }

    private static let sign = "h"
}
