import Foundation

/// What a page that stays open is told.
enum LiveEvent: Sendable, Equatable {
    /// How everything stands, in JSON.
    case values(String)
    /// Since then nothing could be read: what the page shows is as old.
    case stale(since: Date)

    /// As a server-sent event (HTML, section 9.2.6).
    var text: String {
        switch self {
        case .values(let json): "data: \(json)\n\n"
        case .stale(let since): "event: stale\ndata: {\"since\":\"\(since.formatted(.iso8601))\"}\n\n"
        }
    }
}
