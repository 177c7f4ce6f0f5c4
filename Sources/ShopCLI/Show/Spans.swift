import ArgumentParser
import Foundation

/// A span of time as people write it: `500ms`, `60s`, `5m`, `2h`, `3d`.
struct Span: ExpressibleByArgument {
    let seconds: Double
    var duration: Duration { .seconds(seconds) }

    init(seconds: Double) { self.seconds = seconds }

    init?(argument: String) {
        let units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        guard let (unit, factor) = units.first(where: { argument.hasSuffix($0.0) }),
            let number = Double(argument.dropLast(unit.count)), number >= 0, number.isFinite
        else { return nil }
        seconds = number * factor
    }

    /// In the two largest units: `850ms`, `4.2s`, `3m 12s`, `2h 5m`, `4d 1h`.
    var text: String {
        switch seconds {
        case ..<1: "\(Int(seconds * 1000))ms"
        case ..<60: "\((seconds * 10).rounded(.down) / 10)s"
        case ..<3600: "\(whole / 60)m \(whole % 60)s"
        case ..<86_400: "\(whole / 3600)h \(whole % 3600 / 60)m"
        default: "\(whole / 86_400)d \(whole % 86_400 / 3600)h"
        }
    }

    private var whole: Int { Int(seconds) }
}

extension Date {
    /// The time of day in UTC with milliseconds: `14:03:27.512`.
    var clockText: String {
        let milliseconds = Int((timeIntervalSince1970 * 1000).rounded(.down)) % 86_400_000
        func digits(_ number: Int, _ count: Int) -> String {
            String(repeating: "0", count: max(0, count - "\(number)".count)) + "\(number)"
        }
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        return
            "\(digits(seconds / 3600, 2)):\(digits(seconds / 60 % 60, 2)):\(digits(seconds % 60, 2)).\(digits(rest, 3))"
    }
}
