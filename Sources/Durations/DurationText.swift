extension Duration {
    /// What a text must be that ``init(text:)`` reads, for messages.
    package static let textForm = "a duration such as 250ms, 90s, 1.5h or 7d"

    private static let units: [(suffix: String, microseconds: Double)] = [
        ("ms", 1000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000),
    ]

    /// Reads a number, with a fraction or without, and its unit: `250ms`, `90s`, `1.5h`, `7d`.
    ///
    /// To the microsecond. Nil for anything else, for what is negative, and for more than ``longest``.
    package init?(text: String) {
        guard let unit = Self.units.first(where: { text.hasSuffix($0.suffix) }) else { return nil }
        let digits = text.dropLast(unit.suffix.count)
        let isNumber = digits.utf8.allSatisfy {
            $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0)
        }
        guard isNumber, let number = Double(digits) else { return nil }
        let microseconds = (number * unit.microseconds).rounded()
        guard microseconds <= Self.longest.inSeconds * 1_000_000 else { return nil }
        self = .microseconds(Int64(microseconds))
    }

    /// As ``init(text:)`` reads it, in the largest unit that needs no fraction: `3d`, `90s`; below a minute also with one:
    /// `1.5s`, `0.2ms`.
    package var text: String {
        let seconds = inSeconds
        guard seconds == seconds.rounded() else {
            return abs(seconds) < 1 ? "\((seconds * 1000).plain)ms" : "\(seconds.plain)s"
        }
        let unit = Self.units.last { (seconds * 1_000_000).remainder(dividingBy: $0.microseconds) == 0 }
        guard let unit, seconds != 0 else { return "0s" }
        return "\((seconds * 1_000_000 / unit.microseconds).plain)\(unit.suffix)"
    }
}

extension Double {
    /// Without a fraction where there is none.
    fileprivate var plain: String { Int64(exactly: self).map { "\($0)" } ?? "\(self)" }
}

extension ClosedRange<Duration> {
    /// Both ends, for messages: `1s to 366d`.
    package var text: String { "\(lowerBound.text) to \(upperBound.text)" }
}
