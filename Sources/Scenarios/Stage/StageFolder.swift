import Foundation

/// The folder of a run; it goes with the run unless somebody wants to look at the logs.
struct StageFolder: Sendable {
    let path: String

    var server: String { "\(path)/postgres" }
    var ledgers: String { "\(path)/providers" }
    func log(of process: String) -> String { "\(path)/logs/\(process).log" }
    func readyFile(of process: String) -> String { "\(path)/run/\(process).json" }

    func make() throws {
        for part in ["logs", "run"] {
            try FileManager.default.createDirectory(atPath: "\(path)/\(part)", withIntermediateDirectories: true)
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
