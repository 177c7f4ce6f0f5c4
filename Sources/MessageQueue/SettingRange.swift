import Durations

/// The ranges that settings have in common, and how one that lies outside is refused.
enum SettingRange {
    /// Leases are kept in whole milliseconds.
    static let leases = Duration.milliseconds(1)...Duration.longest
    /// How often, or after how long, something is done.
    static let intervals = Duration.milliseconds(1)...Duration.longest
    /// How late something may be done, at once included.
    static let delays = Duration.zero...Duration.longest
}

extension QueueError {
    /// - Throws: ``invalidSettings(_:)``, or what `error` makes of it, with name, value and range, unless the value lies in it.
    static func demand<Value: Comparable>(
        _ name: String, _ value: Value, in range: ClosedRange<Value>, where reason: String = "",
        or error: (String) -> QueueError = QueueError.invalidSettings
    ) throws {
        if range.contains(value) { return }
        let condition = reason.isEmpty ? "" : " \(reason)"
        throw error(
            "\(name) is \(text(value)); it must be from \(text(range.lowerBound)) to \(text(range.upperBound))\(condition)"
        )
    }

    /// - Throws: ``invalidArgument(_:)`` unless one may be told, or more.
    static func demand(limit: Int) throws {
        try demand("limit", limit, in: 1...Int.max, or: QueueError.invalidArgument)
    }

    private static func text(_ value: some Comparable) -> String { (value as? Duration)?.text ?? "\(value)" }
}
