import Foundation
import Logging
import Terminal

/// Writes each event as one line to stderr, in one piece.
struct LineLogHandler: LogHandler {
    let label: String
    let format: LogFormat
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(label: String, format: LogFormat, level: Logger.Level) {
        self.label = label
        self.format = format
        self.logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        StandardStream.error.write(line(for: event, at: Date()))
    }

    func line(for event: LogEvent, at date: Date) -> String {
        LogFields(
            time: date, level: event.level, label: label, message: event.message.description, metadata: merged(event)
        ).line(format)
    }

    private func merged(_ event: LogEvent) -> Logger.Metadata {
        var all = metadataProvider?.get() ?? [:]
        all.merge(metadata) { $1 }
        all.merge(event.metadata ?? [:]) { $1 }
        if let error = event.error { all["error"] = "\(error)" }
        return all
    }
}
