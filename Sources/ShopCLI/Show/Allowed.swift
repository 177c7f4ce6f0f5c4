import ArgumentParser
import Durations
import MessageQueue

/// The values that an option may have: `--help` tells them, and so does the message for any other.
struct Allowed<Value: Sendable>: Sendable {
    private let what: String
    private let range: String
    private let value: @Sendable (String) -> Value?
    private let text: @Sendable (Value) -> String

    /// - Parameter range: how the range is told; nil: by its ends.
    fileprivate init(
        _ what: String, _ values: ClosedRange<Value>, told range: String? = nil,
        text: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) -> Value?
    ) where Value: Comparable {
        self.what = what
        self.range = range ?? "from \(text(values.lowerBound)) to \(text(values.upperBound))"
        self.text = text
        value = { written in read(written).flatMap { values.contains($0) ? $0 : nil } }
    }

    /// What `--help` tells of an option.
    func help(_ about: String, default standard: Value? = nil) -> ArgumentHelp {
        let facts = [range, standard.map { "default: \(text($0))" }].compactMap(\.self).joined(separator: "; ")
        return ArgumentHelp("\(about) (\(facts))")
    }

    /// Reads what was written after the option.
    var read: @Sendable (String) throws -> Value {
        { [self] text in
            guard let value = value(text) else { throw ValidationError("it must be \(what), \(range)") }
            return value
        }
    }
}

extension Allowed<Int> {
    static func whole(_ range: ClosedRange<Int>) -> Self {
        Self("a whole number", range, text: { "\($0)" }, read: { Int($0) })
    }

    /// As many lines as anybody reads.
    static let listed = whole(1...100_000)
}

extension Allowed<Double> {
    static func number(_ range: ClosedRange<Double>, told text: String? = nil) -> Self {
        Self("a number", range, told: text, text: { Int(exactly: $0).map { "\($0)" } ?? "\($0)" }, read: { Double($0) })
    }

    static let share = number(0...1)
    /// Messages per second, as one sender can send them.
    static let sent = number(1...20_000)
    /// Messages per second, as queues take them.
    static let rate = number(QueueLimits.rates, told: "from one a day, 0.0000116, to a billion a second")
}

extension Allowed<Duration> {
    static func duration(_ range: ClosedRange<Duration>) -> Self {
        Self(Duration.textForm, range, text: { $0.text }, read: { Duration(text: $0) })
    }

    static let any = duration(.zero...Duration.longest)
    /// How long a benchmark may measure.
    static let measured = duration(.seconds(1)...(.seconds(86_400)))
}
