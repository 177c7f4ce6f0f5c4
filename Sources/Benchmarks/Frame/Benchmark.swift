/// Something that can be measured, several times over.
///
/// A benchmark measures a thing and its floor, the bare work that can't be avoided, in the same run, so that noise hits
/// both. It checks that the work was done, and fails when it wasn't; it never fails for being slow.
public protocol Benchmark: Sendable {
    /// As the subcommand is called.
    var name: String { get }
    /// What it measures, in a line.
    var about: String { get }
    /// Measures once. Called as often as there are runs; each run answers readings of the same names.
    func run(in lab: Lab) async throws -> [Reading]
}

/// One number of one run.
public struct Reading: Sendable, Equatable {
    public let name: String
    public let value: Double
    public let unit: String
    /// What the bare work came to in the same run, in the same unit.
    public let floor: Double?
    public let target: Target?

    public init(_ name: String, _ value: Double, _ unit: String, floor: Double? = nil, target: Target? = nil) {
        self.name = name
        self.value = value
        self.unit = unit
        self.floor = floor
        self.target = target
    }
}

/// What a figure should reach; shown, never enforced.
public enum Target: Sendable, Equatable, CustomStringConvertible {
    case ratioAtLeast(Double), ratioAtMost(Double), valueAtLeast(Double), valueAtMost(Double)

    public var description: String {
        switch self {
        case .ratioAtLeast(let limit): "≥ \(Figure.text(limit))x"
        case .ratioAtMost(let limit): "≤ \(Figure.text(limit))x"
        case .valueAtLeast(let limit): "≥ \(Figure.text(limit))"
        case .valueAtMost(let limit): "≤ \(Figure.text(limit))"
        }
    }
}

/// The work that was measured was not done right, or could not be done.
public struct BenchmarkFailure: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

extension Benchmark {
    /// Measures `runs` times and sums the readings up.
    public func measure(runs: Int, in lab: Lab) async throws -> [Figure] {
        var readings: [[Reading]] = []
        for number in 1...max(1, runs) {
            let lab = lab.prefixed("\(name), run \(number) of \(runs)")
            await lab.say("begins")
            readings.append(
                try await within(.seconds(lab.size(3600, smoke: 60)), waitingFor: "the end of a run") {
                    try await self.run(in: lab)
                })
        }
        return Figure.summaries(of: readings)
    }
}
