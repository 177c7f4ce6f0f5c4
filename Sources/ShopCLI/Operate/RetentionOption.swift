import ArgumentParser
import Durations
import Foundation
import MessageQueue

/// Which parts of the log stay for too long: those that are an hour older than what workers keep.
struct RetentionOption: ParsableArguments {
    @Option(
        help: Allowed.any.help("How long workers keep finished messages.", default: Broker.Retention().keep),
        transform: Allowed.any.read)
    var retention = Broker.Retention().keep
}

extension SegmentHolder {
    /// To the minute, in UTC.
    var sinceText: String { String(since.ISO8601Format().prefix(16)) }
}
