import Foundation

/// Numbers as people read them, the same in every place and language.
enum Numerals {
    /// `12,345`; fractions where they say something.
    static func count(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        let digits = abs(value) >= 100 || value == value.rounded() ? 0 : abs(value) >= 10 ? 1 : 2
        return value.formatted(.number.precision(.fractionLength(0...digits)).locale(english))
    }

    static func count(_ value: Int) -> String { value.formatted(.number.locale(english)) }

    /// `0.4 ms`, `35 ms`, `2.35 s`, `34.2 s`, `3 min 20 s`.
    static func span(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "–" }
        return switch abs(seconds) {
        case 0: "0 s"
        case ..<0.010: fixed(seconds * 1000, 1) + " ms"
        case ..<0.9995: fixed(seconds * 1000, 0) + " ms"
        case ..<9.995: fixed(seconds, 2) + " s"
        case ..<119.95: fixed(seconds, 1) + " s"
        case ..<360_000: minutes(seconds)
        default: count((seconds / 3600).rounded()) + " h"
        }
    }

    /// A point of the time axis: `20 s`, and `3:20` where an axis is long.
    static func clock(_ seconds: Double, of length: Double) -> String {
        guard length > 180, abs(seconds) < 1e9 else { return count(seconds) + " s" }
        let whole = Int(abs(seconds).rounded())
        let rest = whole % 60
        return "\(seconds < 0 ? "-" : "")\(whole / 60):\(rest < 10 ? "0" : "")\(rest)"
    }

    /// A coordinate: a tenth of a pixel is more than anybody sees.
    static func coordinate(_ value: Double) -> String { plain(value, per: 10) }

    /// A value for the script, exact to a thousandth.
    static func exact(_ value: Double) -> String { plain(value, per: 1000) }

    private static let english = Locale(identifier: "en_US")

    private static func plain(_ value: Double, per unit: Double) -> String {
        let rounded = (value * unit).rounded() / unit
        guard let whole = Int(exactly: rounded) else { return rounded.isFinite ? "\(rounded)" : "0" }
        return "\(whole)"
    }

    private static func minutes(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return whole % 60 == 0 ? "\(whole / 60) min" : "\(whole / 60) min \(whole % 60) s"
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        value.formatted(.number.precision(.fractionLength(0...digits)).locale(english))
    }
}
