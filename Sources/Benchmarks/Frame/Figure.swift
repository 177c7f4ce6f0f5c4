import Foundation

/// One measured number over several runs: the median, its spread, and the ratio to the floor of the same run.
public struct Figure: Sendable, Equatable {
    public let name: String
    /// The median over the runs.
    public let value: Double
    public let unit: String
    /// The median of the floors; nil for a number that has none.
    public let floor: Double?
    /// The median over the runs of value / floor.
    public let ratio: Double?
    public let runs: Int
    /// From the smallest to the largest value, as a share of the median.
    public let spread: Double
    public let target: Target?

    /// - Parameter readings: of one name, one of each run; not empty.
    init?(_ readings: [Reading]) {
        guard let first = readings.first else { return nil }
        let values = Distribution(readings.map(\.value))
        let floors = Distribution(readings.compactMap(\.floor))
        let ratios = readings.compactMap { reading in reading.floor.map { $0 == 0 ? 0 : reading.value / $0 } }
        name = first.name
        unit = first.unit
        target = first.target
        value = values.median
        floor = floors.isEmpty ? nil : floors.median
        ratio = ratios.isEmpty ? nil : Distribution(ratios).median
        runs = readings.count
        spread = values.spread
    }

    /// A figure for each name, in the order of their first appearance.
    static func summaries(of runs: [[Reading]]) -> [Figure] {
        var names: [String] = []
        for reading in runs.joined() where !names.contains(reading.name) { names.append(reading.name) }
        return names.compactMap { name in Figure(runs.joined().filter { $0.name == name }) }
    }

    /// A share in whole per cent.
    public static func percent(_ share: Double) -> String {
        Int(exactly: (share * 100).rounded()).map { "\($0)" } ?? "?"
    }

    /// Three digits that count; whole numbers from 100 on.
    public static func text(_ value: Double) -> String {
        let digits = abs(value) >= 100 || value == 0 ? 0 : abs(value) >= 10 ? 1 : 2
        return value.formatted(.number.precision(.fractionLength(0...digits)).locale(Locale(identifier: "en_US")))
    }
}
