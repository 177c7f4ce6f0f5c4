import DeliveryCheck

extension SoakOutcome {
    /// Whether things stayed as they were: the last third of the time beside the first one.
    ///
    /// The very beginning, before segments come and go, doesn't count.
    public var figures: [Figure] {
        let settled = Array(samples.dropFirst(samples.count / 10))
        let (first, last) = (settled.prefix(settled.count / 3), settled.suffix(settled.count / 3))
        func compare(_ name: String, _ unit: String, _ path: KeyPath<SoakSample, Double>) -> Reading {
            func median(_ samples: ArraySlice<SoakSample>) -> Double {
                Distribution(samples.map { $0[keyPath: path] }).median
            }
            return Reading(name, median(last), unit, floor: median(first))
        }
        let readings = [
            compare("commit to handler p50, last third", "ms", \.p50),
            compare("commit to handler p99, last third", "ms", \.p99),
            compare("disk of mq, last third", "MB", \.disk),
            compare("memory of workers, last third", "MB", \.workers),
            compare("memory of server, last third", "MB", \.server),
            Reading("attempted", Double(check.attempted), "messages"),
            Reading("acknowledged", Double(check.acknowledged), "messages"),
            Reading("lost", Double(check.lost), "messages", target: .valueAtMost(0)),
            Reading("unexpected", Double(check.unexpected), "messages", target: .valueAtMost(0)),
            Reading("duplicated", Double(check.duplicated), "messages", target: .valueAtMost(0)),
            Reading("recovered", Double(check.recovered), "messages"),
        ]
        return Figure.summaries(of: [readings])
    }
}
