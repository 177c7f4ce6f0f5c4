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
        guard let read = ReceiptText(text, sign: Self.sign), let turn = Int32(exactly: read.second) else { return nil }
        self.init(number: read.first, turn: turn, mark: read.mark)
    }

    /// Digits, letters and dots only, so that it can travel in a URL as it is.
    public var description: String {
        ReceiptText(sign: Self.sign, first: number, second: Int64(turn), mark: mark).description
    }

    private static let sign = "h"
}
