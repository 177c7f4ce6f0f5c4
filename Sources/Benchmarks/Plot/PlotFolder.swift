public import Foundation

/// The diagrams of a measurement, and a page with every figure, as files of one folder.
public struct PlotFolder: Sendable {
    private let records: [FigureRecord]

    /// - Parameter records: of several measurements, if need be; of two of one name the later one counts.
    public init(_ records: [FigureRecord]) { self.records = records }

    /// The names and contents of the files; none when nothing is measured.
    var files: [(name: String, content: String)] {
        let charts = Plot.all.compactMap { PlotChart($0, of: records) }
        let drawings = charts.map { ("\($0.plot.name).svg", PlotDrawing(chart: $0).svg) }
        return records.isEmpty ? [] : drawings + [("README.md", PlotPage(charts: charts, records: records).markdown)]
    }

    /// Writes all of them, in place of what has the same names there, and answers their paths.
    public func write(to folder: URL) throws -> [String] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return try files.map { name, content in
            let file = folder.appending(path: name)
            try content.write(to: file, atomically: true, encoding: .utf8)
            return file.path
        }
    }
}
