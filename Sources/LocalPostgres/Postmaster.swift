import Foundation

/// The server process as its `postmaster.pid` describes it.
struct Postmaster: Sendable, Equatable {
    let processID: Int32
    let isReady: Bool
}

extension ClusterPlace {
    /// The living server of this cluster; nil when the file is missing or left over from a server that was killed.
    var postmaster: Postmaster? {
        guard let text = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first, let processID = Int32(first), isServer(processID) else { return nil }
        return Postmaster(processID: processID, isReady: lines.count > 7 && lines[7].hasPrefix("ready"))
    }

    /// Removes what a killed server left behind. Only for the holder of the lock, when `postmaster` is nil.
    ///
    /// PostgreSQL does this itself unless the process number is in use again by a stranger, as it often is
    /// after a restart of a container.
    func clearTraces() throws {
        let socket = "\(socketDirectory)/.s.PGSQL.\(Self.port)"
        for path in [data + "/postmaster.pid", socket, socket + ".lock"]
        where FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
    }

    /// A server works in its data folder; where the system does not tell (macOS), being alive must do.
    private func isServer(_ processID: Int32) -> Bool {
        guard kill(processID, 0) == 0 || errno == EPERM else { return false }
        guard FileManager.default.fileExists(atPath: "/proc/self/cwd") else { return true }
        let workingDirectory = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(processID)/cwd")
        return workingDirectory == URL(filePath: data).resolvingSymlinksInPath().path
    }
}
