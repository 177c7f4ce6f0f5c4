import Foundation
import LocalPostgres
import Subprocess
import Testing

/// A crash of the machine need not be survived here.
var quick: LocalPostgresSettings {
    var settings = LocalPostgresSettings()
    settings.fsync = false
    return settings
}

/// Runs `body` with a started cluster of its own, which is stopped and removed afterwards.
func withCluster(_ body: (LocalPostgres, String) async throws -> Void) async throws {
    try await withFolder { folder in
        let postgres = LocalPostgres(directory: folder, settings: quick)
        let conninfo = try await postgres.start()
        do {
            try await body(postgres, conninfo)
        } catch {
            try await postgres.stop()
            throw error
        }
        try await postgres.stop()
    }
}

func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = "/tmp/lp-\(UUID().uuidString.prefix(8).lowercased())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
}

/// Runs SQL and answers the last value.
@discardableResult
func psql(_ conninfo: String, _ sql: String) async throws -> String {
    let result = try await run(
        .name("psql"), arguments: ["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-c", sql],
        output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
    #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
    return result.standardOutput.trimmingCharacters(in: .newlines)
}

/// The cluster's folder, seen from its connection string.
func home(_ conninfo: String) -> URL {
    URL(filePath: String(conninfo.split(separator: "'")[1])).deletingLastPathComponent()
}

func killServer(of postgres: LocalPostgres) throws {
    guard case .running(let processID) = try postgres.status() else {
        Issue.record("the server should be running")
        return
    }
    #expect(kill(processID, SIGKILL) == 0)
}
