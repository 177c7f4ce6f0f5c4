/// Numbers in order, for their percentiles.
public struct Distribution: Sendable, Equatable {
    private let sorted: [Double]

    public init(_ values: some Sequence<Double>) { sorted = values.sorted() }

    public var count: Int { sorted.count }
    public var isEmpty: Bool { sorted.isEmpty }
    public var largest: Double { sorted.last ?? 0 }
    public var smallest: Double { sorted.first ?? 0 }

    /// The smallest of the values that at least this share of them doesn't exceed; 0 for none.
    public func percentile(_ share: Double) -> Double {
        isEmpty ? 0 : sorted[min(count - 1, max(0, Int((Double(count) * share).rounded(.up)) - 1))]
    }

    /// The middle value, or the mean of the two in the middle; 0 for none.
    public var median: Double {
        guard !isEmpty else { return 0 }
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }

    /// From the smallest to the largest value, as a share of the median.
    public var spread: Double { median == 0 ? 0 : (largest - smallest) / abs(median) }
}
