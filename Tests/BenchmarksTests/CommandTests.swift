import Foundation
import Subprocess
import TestSupport
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// The command as people run it. What it measures is not looked at: a busy machine is no failure.
@Suite("shoeshop bench", .serialized, .timeLimit(.minutes(10)))
struct CommandTests {
    private func bench(_ arguments: [String], in folder: String) -> (Executable, Arguments, Environment) {
        let own = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        let program = own.resolvingSymlinksInPath().deletingLastPathComponent().path + "/shoeshop"
        return (
            .path(FilePath(program)), Arguments(["bench"] + arguments), .inherit.updating(["TMPDIR": folder])
        )
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = "/tmp/shoeshop-bench-test-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    @Test("shoeshop bench answers programs with one object per figure and line, and leaves nothing behind")
    func json() async throws {
        try await withFolder { folder in
            let (program, arguments, environment) = bench(["segments", "--smoke", "--json"], in: folder)
            let result = try await run(
                program, arguments: arguments, environment: environment, output: .string(limit: 1 << 20),
                error: .string(limit: 1 << 20))
            #expect(result.terminationStatus.isSuccess)
            let lines = result.standardOutput.split(separator: "\n")
            #expect(lines.count == 1)
            for line in lines {
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                #expect(object?["name"] as? String == "round trip, 6 segments")
                #expect((object?["ratio"] as? Double ?? 0) > 0)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test("shoeshop bench answers people in at most 100 columns")
    func table() async throws {
        try await withFolder { folder in
            let (program, arguments, environment) = bench(["rescue", "--smoke"], in: folder)
            let result = try await run(
                program, arguments: arguments, environment: environment, output: .string(limit: 1 << 20))
            #expect(result.terminationStatus.isSuccess)
            let lines = result.standardOutput.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("FIGURE") })
            #expect(lines.allSatisfy { $0.count <= 100 })
        }
    }

    @Test("shoeshop bench desk asks for every page of the desk that there is")
    func everyPage() async throws {
        try await withFolder { folder in
            let (program, arguments, environment) = bench(["desk", "--smoke", "--json"], in: folder)
            let result = try await run(
                program, arguments: arguments, environment: environment, output: .string(limit: 1 << 20),
                error: .string(limit: 1 << 20))
            #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
            let names = try result.standardOutput.split(separator: "\n").map { line in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                return object?["name"] as? String ?? ""
            }
            let pages = [
                "pipeline", "queue", "messages of a queue", "message", "timeline", "dead letters",
                "redrive, counted first", "purge, counted first", "purge of a queue, counted first", "send", "audit",
                "action", "orders", "orders by address", "orders by a part of a name", "order", "services",
            ]
            for page in pages { #expect(names.contains("\(page), p50"), "\(page)") }
        }
    }

    @Test("shoeshop bench leaves nothing behind when it is interrupted or killed", arguments: [SIGINT, SIGKILL])
    func ends(by signal: Int32) async throws {
        try await withFolder { folder in
            let (program, arguments, environment) = bench(["idle", "--for", "600s"], in: folder)
            let result = try await run(
                program, arguments: arguments, environment: environment, input: .none, output: .discarded,
                error: .discarded
            ) { execution in
                try await eventually("a worker that runs") {
                    try ProcessTable.count(withTemporaryFolder: folder, calledLike: "worker") > 0
                }
                kill(execution.processIdentifier.value, signal)
            }
            #expect(!result.terminationStatus.isSuccess)
            try await eventually("nothing left of files and processes") {
                try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty
                    && ProcessTable.count(withTemporaryFolder: folder) == 0
            }
        }
    }
}
