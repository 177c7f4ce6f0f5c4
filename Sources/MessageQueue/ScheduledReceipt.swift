/// Where a message waits until it is due. Who holds it can cancel the message, or have it delivered earlier or later, as long as it waits.
///
/// As a text it can be handed to anybody, also through another process. Like a ``Receipt`` it is good for the database that it comes
/// from, and for no other.
public struct ScheduledReceipt: Hashable, Sendable, CustomStringConvertible {
    let queue: Int32
    let ticket: Int64
    /// See ``Origin/mark``.
    let mark: UInt32

    init(queue: Int32, ticket: Int64, mark: UInt32) {
        self.queue = queue
        self.ticket = ticket
        self.mark = mark
    }

    /// Reads what ``description`` wrote; nil for any other text, a ``Receipt`` too.
    public init?(_ text: String) {
        guard let read = ReceiptText(text, sign: Self.sign), let queue = Int32(exactly: read.first) else { return nil }
        self.init(queue: queue, ticket: read.second, mark: read.mark)
    }

    /// Digits, letters and dots only, so that it can travel in a URL as it is.
    public var description: String {
        ReceiptText(sign: Self.sign, first: Int64(queue), second: ticket, mark: mark).description
    }

    private static let sign = "s"
}
