import ArgumentParser
import Foundation

struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures, over real processes and a database of its own.",
        discussion: "Numbers from a busy machine say little: look at ratios and medians, and run more than once.",
        subcommands: [BenchOrders.self])
}

/// One measured number.
struct Figure: Encodable {
    let name: String
    let value: Double
    let unit: String

    var row: [String] { [name, value.formatted(.number.precision(.fractionLength(value < 100 ? 2 : 0))), unit] }
}

/// What was measured, with the place it was measured at.
struct BenchReport: Encodable {
    let benchmark: String
    let figures: [Figure]
    let server: String
    let machine = Machine.description

    var table: Table {
        Table([.text(benchmark.uppercased()), .number("VALUE"), .text("UNIT")], rows: figures.map(\.row))
    }

    var footer: String { "\nPostgreSQL \(server); \(machine)" }
}

enum Machine {
    static var description: String {
        let info = ProcessInfo.processInfo
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = text.split(separator: "\n").first { $0.hasPrefix("model name") }?.split(separator: ":").last
        let memory = info.physicalMemory >> 30
        return "\(info.activeProcessorCount) cores\(model.map { " of\($0)" } ?? ""), \(memory) GiB, "
            + info.operatingSystemVersionString
    }
}

extension [Double] {
    /// The value that this share of the values doesn't exceed; 0 for none. The values are sorted.
    func percentile(_ share: Double) -> Double {
        isEmpty ? 0 : self[Swift.min(count - 1, Int((Double(count) * share).rounded(.up)) - 1)]
    }
}
