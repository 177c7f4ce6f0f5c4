extension String {
    /// How many columns of a terminal it takes.
    package var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

    /// As much from its beginning as fits into so many columns.
    package func prefix(columns: Int) -> Substring {
        var taken = 0
        return prefix { character in
            taken += character.displayWidth
            return taken <= columns
        }
    }
}

extension Character {
    /// Two columns for the wide scripts of East Asia (Unicode Standard Annex 11) and for pictures, none for a mark that stands
    /// alone, else one: what combines with a letter stands in the letter's column.
    package var displayWidth: Int {
        guard let first = unicodeScalars.first else { return 0 }
        if first.isWide || !first.isASCII && unicodeScalars.contains("\u{FE0F}") { return 2 }
        return [.nonspacingMark, .enclosingMark].contains(first.properties.generalCategory) ? 0 : 1
    }
}

extension Unicode.Scalar {
    fileprivate var isWide: Bool {
        value >= 0x1100 && (properties.isEmojiPresentation || Self.wide.contains { $0.contains(value) })
    }

    /// Wide and Fullwidth, as blocks; the pictures among them are told by their own property.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0xA4CF,
        0xA960...0xA97F,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6,
        0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD,
    ]
}
