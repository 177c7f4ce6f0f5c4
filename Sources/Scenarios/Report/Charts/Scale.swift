import Foundation

/// Where a value stands on an axis, and where the axis has its ticks.
struct Scale: Sendable, Equatable {
    let range: ClosedRange<Double>
    let ticks: [Double]
    private let isLogarithmic: Bool

    /// From zero to a round number that is not below `highest`.
    /// - Parameter whole: what is counted has no halves, so neither have the ticks.
    static func counting(to highest: Double, whole: Bool) -> Scale {
        let highest = highest.isFinite && highest > 0 ? highest : 1
        let step = max(roundStep(highest / 4), whole ? 1 : 0)
        let steps = (highest / step).rounded(.up)
        return Scale(range: 0...steps * step, ticks: multiples(of: step, 0...steps), isLogarithmic: false)
    }

    /// Whole decades around the values; those that are not above zero stand at the bottom.
    static func decades(around values: [Double]) -> Scale {
        let positive = values.filter { $0.isFinite && $0 > 0 }
        let low = log10(positive.min() ?? 0.001).rounded(.down)
        let high = max(log10(positive.max() ?? 1).rounded(.up), low + 1)
        let ticks = stride(from: low, through: high, by: 1).map { pow(10, $0) }
        return Scale(range: pow(10, low)...pow(10, high), ticks: ticks, isLogarithmic: true)
    }

    /// Exactly this span of time, with ticks where a clock has them.
    static func time(_ extent: ClosedRange<Double>, atMost count: Int) -> Scale {
        let length = extent.upperBound - extent.lowerBound
        guard length > 0 else { return time(extent.lowerBound...extent.lowerBound + 1, atMost: count) }
        let fewest = length / Double(count)
        let step = clockSteps.first { $0 >= fewest } ?? roundStep(fewest / 3600) * 3600
        // A tick at the very end must not be lost to the last binary digit: 0.3 / 0.1 is a hair below three. Minus zero plus zero is zero.
        let first = (extent.lowerBound / step - 1e-9).rounded(.up) + 0
        let last = (extent.upperBound / step + 1e-9).rounded(.down)
        let ticks = first <= last ? multiples(of: step, first...last) : []
        return Scale(range: extent, ticks: ticks, isLogarithmic: false)
    }

    /// From 0 at the beginning of the axis to 1 at its end; what lies outside stands at the edge.
    func share(of value: Double) -> Double {
        guard isLogarithmic else { return share(value, range.lowerBound, range.upperBound) }
        guard value > 0 else { return 0 }
        return share(log10(value), log10(range.lowerBound), log10(range.upperBound))
    }

    private static let clockSteps: [Double] = [
        0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
    ]

    private func share(_ value: Double, _ from: Double, _ to: Double) -> Double {
        min(max((value - from) / (to - from), 0), 1)
    }

    /// The next number of 1, 2 or 5 and zeros.
    static func roundStep(_ value: Double) -> Double {
        let unit = pow(10, log10(value).rounded(.down))
        // A hair below: 0.1 * 3 must not become 0.5 because of its last binary digit.
        return unit * ([1, 2, 5].first { $0 * unit >= value * (1 - 1e-9) } ?? 10)
    }

    /// Divides by the inverse of small steps, so that three times 0.1 is 0.3 and not 0.30000000000000004.
    private static func multiples(of step: Double, _ factors: ClosedRange<Double>) -> [Double] {
        let inverse = (1 / step).rounded()
        return stride(from: factors.lowerBound, through: factors.upperBound, by: 1).map { factor in
            step < 1 ? factor / inverse : factor * step
        }
    }
}
