public import Foundation

/// A figure with the place it was measured at, for programs.
public struct FigureRecord: Codable, Sendable, Equatable {
    let name: String
    let value: Double
    let unit: String
    let floor: Double?
    let ratio: Double?
    let runs: Int
    let spread: Double
    let server: ServerFacts
    let machine: String

    public init(_ figure: Figure, at server: ServerFacts, on machine: String = Machine.description) {
        name = figure.name
        value = figure.value
        unit = figure.unit
        floor = figure.floor
        ratio = figure.ratio
        runs = figure.runs
        spread = figure.spread
        self.server = server
        self.machine = machine
    }

    /// Reads records, one a line, as they were written with `--json`.
    ///
    /// - Throws: ``BenchmarkFailure`` with the number of a line that is none.
    public static func read(_ data: Data) throws -> [FigureRecord] {
        let decoder = JSONDecoder()
        return try data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated().compactMap {
            number, line in
            guard !line.allSatisfy({ $0 == UInt8(ascii: " ") }) else { return nil }
            do { return try decoder.decode(FigureRecord.self, from: Data(line)) } catch {
                throw BenchmarkFailure("line \(number + 1) is no figure: \(error)")
            }
        }
    }

    /// As a line of JSON, with the keys in order.
    public func line() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// Every key each time: a number without a floor has `null` for it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(value, forKey: .value)
        try container.encode(unit, forKey: .unit)
        try container.encode(floor, forKey: .floor)
        try container.encode(ratio, forKey: .ratio)
        try container.encode(runs, forKey: .runs)
        try container.encode(spread, forKey: .spread)
        try container.encode(server, forKey: .server)
        try container.encode(machine, forKey: .machine)
    }
}
