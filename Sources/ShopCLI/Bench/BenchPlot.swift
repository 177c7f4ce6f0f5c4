import ArgumentParser
import Benchmarks
import Foundation

struct BenchPlot: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draws what was measured before: an SVG per headline figure, and a page with every figure.",
        discussion: """
            Reads files of what other benchmarks answered with --json. Where two tell a figure of the same name, the later one
            counts. `shoeshop bench all --plot FOLDER` measures and draws at once.
            """)

    @Argument(help: "Files with one JSON object per line.")
    var files: [String]
    @Option(help: "The folder that the drawings go to.")
    var into: String

    func run() throws {
        let records = try files.flatMap { file in
            do {
                return try FigureRecord.read(Data(contentsOf: URL(filePath: file)))
            } catch {
                throw BenchmarkFailure("\(file): \(error)")
            }
        }
        for file in try PlotFolder(records).write(to: URL(filePath: into)) { Output.print(file) }
    }
}
