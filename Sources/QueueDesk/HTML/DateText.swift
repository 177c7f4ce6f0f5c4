import Foundation

/// A moment as it is read.
struct DateText {
    private let date: Date

    init?(_ date: Date?) {
        guard let date else { return nil }
        self.date = date
    }

    var exact: String { date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) }

    /// In UTC, as everywhere at the desk.
    var readable: String { exact.replacing("T", with: " ").replacing("Z", with: "") }
}

/// A length of time as it is read, in its two largest units.
struct SpanText {
    let text: String

    init(seconds: Double?) {
        guard let seconds, seconds.magnitude < 1e12 else {
            text = "–"
            return
        }
        let whole = Int(max(0, seconds))
        text =
            switch max(0, seconds) {
            case ..<1: "\(Int(max(0, seconds) * 1000)) ms"
            case ..<60: "\((seconds * 10).rounded(.down) / 10) s"
            case ..<3600: "\(whole / 60) min \(whole % 60) s"
            case ..<86_400: "\(whole / 3600) h \(whole % 3600 / 60) min"
            default: "\(whole / 86_400) d \(whole % 86_400 / 3600) h"
            }
    }

    /// To the minute: what is read all the time changes no more often.
    init(minutesOf seconds: Double) {
        switch seconds {
        case ..<60: text = "less than a minute"
        case ..<3600: text = "\(Int(seconds) / 60) min"
        default: text = SpanText(seconds: seconds).text
        }
    }

    init(from start: Date?, to end: Date?) {
        self.init(seconds: start.flatMap { start in end?.timeIntervalSince(start) })
    }
}
