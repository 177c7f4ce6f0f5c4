import Metrics

extension Broker {
    /// The version of this library, and of the programs that are made with it: three numbers after semver.org.
    ///
    /// As long as the first is 0, the second counts up when something of the public API, the schema or a program's options
    /// changes in a way that others must follow; `CHANGELOG.md` says what, and what is stable all the same.
    public static let libraryVersion = "0.1.0"

    /// Shows in a process's metrics which version it runs: `mq_build_info{version="0.1.0"} 1`.
    static func recordVersion() {
        Metric.build.gauge(libraryVersion).record(1)
    }
}
