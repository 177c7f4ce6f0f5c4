/// A loop that has not come round in its time.
public struct LateLoop: Sendable, Equatable, CustomStringConvertible {
    /// What it does, such as `receive orders`.
    public let name: String
    /// How long it may take to come round.
    public let limit: Duration
    /// How long ago it came round.
    public let silence: Duration

    public var description: String {
        "\(name) has not come round for \(silence.components.seconds) s, and should within \(limit.components.seconds) s"
    }
}
