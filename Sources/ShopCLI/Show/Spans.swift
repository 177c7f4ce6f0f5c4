import Foundation

/// A span of time that was measured, for people.
struct Span {
    let seconds: Double

    /// In the two largest units: `850ms`, `4.2s`, `3m 12s`, `2h 5m`, `4d 1h`.
    var text: String {
        guard abs(seconds) < Self.most else { return "?" }
        return switch seconds {
        case ..<1: "\(Int(seconds * 1000))ms"
        case ..<60: "\((seconds * 10).rounded(.down) / 10)s"
        case ..<3600: "\(whole / 60)m \(whole % 60)s"
        case ..<86_400: "\(whole / 3600)h \(whole % 3600 / 60)m"
        default: "\(whole / 86_400)d \(whole % 86_400 / 3600)h"
        }
    }

    /// Beyond a million years nothing was measured, but miscounted.
    private static let most = 3e13

    private var whole: Int { Int(seconds) }
}

extension Date {
    /// The time of day in UTC with milliseconds: `14:03:27.512`.
    var clockText: String {
        let milliseconds = Int(exactly: (timeIntervalSince1970 * 1000).rounded(.down)).map { $0 % 86_400_000 } ?? 0
        func digits(_ number: Int, _ count: Int) -> String {
            String(repeating: "0", count: max(0, count - "\(number)".count)) + "\(number)"
        }
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        return
            "\(digits(seconds / 3600, 2)):\(digits(seconds / 60 % 60, 2)):\(digits(seconds % 60, 2)).\(digits(rest, 3))"
    }
}
