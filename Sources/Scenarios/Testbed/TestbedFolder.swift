import Foundation
import LocalPostgres

/// The folder of a run; it goes with the run unless somebody wants to look at the logs.
struct TestbedFolder: Sendable {
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

    /// Has it removed when this process ends, even by `kill -9`; the server in it removes what is its own.
    func removeWithThisProcess() async throws -> DeathWatch {
        let script = #"""
            for i in $(seq 300); do
                rm -rf "$0/logs" "$0/run" "$0/providers"
                rmdir "$0/postgres" 2> /dev/null || rm -f "$0/postgres" 2> /dev/null
                rmdir "$0" 2> /dev/null || [ ! -e "$0" ] && break
                sleep 0.1
            done
            """#
        return try await DeathWatch.start(["/bin/sh", "-c", script, path])
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
