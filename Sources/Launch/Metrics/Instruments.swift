import CoreMetrics
import Synchronization

final class WholeCounter: CounterHandler, Instrument {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }

    func render(_ name: String, _ labels: Labels, into text: inout String) {
        text += "\(name)\(labels) \(value.load(ordering: .relaxed))\n"
    }
}

final class FractionalCounter: FloatingPointCounterHandler, Instrument {
    private let value = AtomicDouble()

    func increment(by amount: Double) { value.add(amount) }
    func reset() { value.store(0) }

    func render(_ name: String, _ labels: Labels, into text: inout String) {
        text += "\(name)\(labels) \(number(value.load()))\n"
    }
}

/// A gauge: the last value that was set.
final class Level: MeterHandler, RecorderHandler, Instrument {
    private let value = AtomicDouble()

    func set(_ value: Int64) { self.value.store(Double(value)) }
    func set(_ value: Double) { self.value.store(value) }
    func increment(by amount: Double) { value.add(amount) }
    func decrement(by amount: Double) { value.add(-amount) }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }

    func render(_ name: String, _ labels: Labels, into text: inout String) {
        text += "\(name)\(labels) \(number(value.load()))\n"
    }
}

/// A Double that threads can add to, kept as the bits of an atomic integer.
private final class AtomicDouble: Sendable {
    private let bits = Atomic<UInt64>((0.0).bitPattern)

    func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
    func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var seen = bits.load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: seen) + amount
            let (exchanged, current) = bits.weakCompareExchange(
                expected: seen, desired: sum.bitPattern, ordering: .relaxed)
            if exchanged { return }
            seen = current
        }
    }
}
