import Metrics
import Synchronization

/// Keeps what is counted and measured, for whoever asks. Stands for swift-prometheus, which one would take in production: here a timer
/// tells only its sum and its count.
final class TextMetrics: MetricsFactory {
    private let families = Mutex<[String: [String: Series]]>([:])

    /// All of it in the text format of Prometheus.
    func exposition() -> String {
        var text = ""
        for (name, family) in families.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            guard let kind = family.first?.value.kind else { continue }
            text += "# TYPE \(name) \(kind.rawValue)\n"
            for (labels, series) in family.sorted(by: { $0.key < $1.key }) { text += series.lines(name, labels) }
        }
        return text
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, aggregate ? .summary : .gauge)
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .summary)
    }

    // What was counted is told as long as the process lives.
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    /// The same for the same name and dimensions.
    private func series(_ label: String, _ dimensions: [(String, String)], _ kind: Series.Kind) -> Series {
        let name = String(label.map { $0.isLetter || $0.isNumber ? $0 : "_" })
        let labels = dimensions.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        return families.withLock { families in
            if let known = families[name]?[labels] { return known }
            let new = Series(kind)
            families[name, default: [:]][labels] = new
            return new
        }
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

/// The values of one name and its labels.
final class Series: CounterHandler, RecorderHandler, TimerHandler {
    enum Kind: String { case counter, gauge, summary }

    private struct State {
        var value = 0.0
        var count = 0
    }

    let kind: Kind
    private let state = Mutex(State())

    init(_ kind: Kind) { self.kind = kind }

    func increment(by amount: Int64) { record(Double(amount)) }
    func reset() { state.withLock { $0 = State() } }
    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }

    /// A gauge has the last value; the others add them up.
    func record(_ value: Double) {
        state.withLock { state in
            state.value = kind == .gauge ? value : state.value + value
            state.count += 1
        }
    }

    func lines(_ name: String, _ labels: String) -> String {
        let state = state.withLock { $0 }
        let labels = labels.isEmpty ? "" : "{\(labels)}"
        return kind == .summary
            ? "\(name)_sum\(labels) \(state.value)\n\(name)_count\(labels) \(state.count)\n"
            : "\(name)\(labels) \(state.value)\n"
    }
}
