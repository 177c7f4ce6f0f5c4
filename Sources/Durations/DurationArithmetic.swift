extension Duration {
    /// The longest that a setting may be: a year, with its leap day.
    package static let longest = Duration.seconds(366 * 86_400)

    /// In seconds, as near as a number of 64 bits comes.
    package var inSeconds: Double { self / .seconds(1) }

    /// In milliseconds, the rest cut off; what doesn't fit is the largest number that does.
    package var wholeMilliseconds: Int { Int(clamping: attoseconds / 1_000_000_000_000_000) }

    /// In microseconds, the rest cut off; what doesn't fit is the largest number that does.
    package var wholeMicroseconds: Int { Int(clamping: attoseconds / 1_000_000_000_000) }

    /// The same for a limit, which nobody outlasts: from nothing to ``longest``. Clocks and timers take no more than they can count.
    package var bounded: Duration { min(max(self, .zero), .longest) }
}
