/// The curves of one run, made from its samples and its customers' calls.
struct RunCurves: Sendable {
    let record: RunRecord
    /// The queues that ever held something, and their place in the palette; the fullest have a line of their own.
    let queues: [String]
    /// The span of time, in seconds, over which rates and latencies are taken.
    let bucket: Double

    static let ownLines = 7

    init(_ record: RunRecord) {
        self.record = record
        bucket = Self.bucket(for: record)
        var peaks: [String: Int] = [:]
        for (name, queue) in record.samples.lazy.compactMap(\.queues).joined() {
            let held = max(queue.depth, queue.inFlight, queue.notDue, queue.dead)
            peaks[name] = max(peaks[name] ?? 0, held)
        }
        queues = peaks.filter { $0.value > 0 }.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }.map(\.key)
    }

    /// From the first thing that is known of the run to the last.
    var extent: ClosedRange<Double> {
        let ends = record.samples.map(\.at) + record.windows.filter { $0.to.isFinite }.map(\.to)
        let all = (ends + [0, record.submittedAt, record.drainedAt]).filter(\.isFinite)
        return min(record.samples.first?.at ?? 0, 0)...max(all.max() ?? 1, 0.1)
    }

    var orders: [Curve] {
        [
            Curve("accepted", colour: 0, totals { Double($0.accepted) }),
            Curve("delivered", colour: 1, totals { $0.delivered.map(Double.init) }),
            Curve("failed", colour: 2, totals { Double($0.failed) }),
        ]
    }

    var retries: Curve { Curve("retries", colour: 3, totals { $0.retried.map(Double.init) }) }

    /// A curve for each of the fullest queues, and one for the sum of the others.
    func queues(_ value: (Sample.Queue) -> Int) -> [Curve] {
        let own = queues.prefix(queues.count > Self.ownLines ? Self.ownLines - 1 : Self.ownLines)
        let curves = own.enumerated().map { colour, name in
            Curve(name, colour: colour, totals { sample in sample.queues.map { Self.sum([name], of: $0, value) } })
        }
        let others = queues.dropFirst(own.count)
        guard !others.isEmpty else { return curves }
        let rest = totals { sample in sample.queues.map { Self.sum(others, of: $0, value) } }
        return curves + [Curve("\(others.count) other queues", colour: own.count, rest)]
    }

    private func totals(_ value: (Sample) -> Double?) -> [Curve.Point] {
        record.samples.map { Curve.Point(at: $0.at, value: value($0)) }
    }

    private static func sum(
        _ names: some Sequence<String>, of queues: [String: Sample.Queue], _ value: (Sample.Queue) -> Int
    ) -> Double {
        names.reduce(0) { $0 + Double(queues[$1].map(value) ?? 0) }
    }

    /// A second, or longer where there are few samples or many seconds.
    private static func bucket(for record: RunRecord) -> Double {
        guard let first = record.samples.first, let last = record.samples.last, last.at > first.at else { return 1 }
        let length = last.at - first.at
        let longest = max(1, length / 200, length / Double(record.samples.count))
        return longest == 1 ? 1 : Scale.roundStep(longest)
    }
}
