/// What a ``DeadLetterFilter`` means at a moment.
public struct DeadLetterMatch: Sendable, Equatable {
    /// How many letters.
    public let count: Int
    /// The last of them to die, see ``DeadLetter/ticket``; nil when there is none. See ``DeadLetterFilter/through``.
    public let lastTicket: Int64?
}
