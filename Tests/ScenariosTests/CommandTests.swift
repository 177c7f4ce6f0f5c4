import Foundation
import Subprocess
import TestSupport
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// The command as people run it, over real processes; one after the other, since each opens a whole shop.
@Suite("shoeshop scenario", .serialized, .timeLimit(.minutes(10)))
struct ScenarioCommandTests {
    private static let story = """
        name: small
        teaches: That a shop survives.
        story: Few orders, and a worker that is killed while they flow.
        load: [{burst: 40}, {rate: 20, for: 1s}]
        customers: {twice: 0.5, malformed: 0.1}
        timeline: [{at: 300ms, kill: payment-worker}]
        expect: {accepted: all, delivered: all}
        """

    private struct Answer: Decodable {
        struct Finding: Decodable {
            let expectation: String
            let holds: Bool
        }
        struct Figures: Decodable { let accepted, delivered, wanted: Int }
        let scenario: String
        let seed: Int
        let passed: Bool
        let expectations: [Finding]
        let violations: [String]
        let figures: Figures
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = "/tmp/shoeshop-scenario-test-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder + "/tmp", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func command(_ arguments: [String], in folder: String) -> (Executable, Arguments, Environment) {
        let own = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        let program = own.resolvingSymlinksInPath().deletingLastPathComponent().path + "/shoeshop"
        return (
            .path(FilePath(program)), Arguments(["scenario"] + arguments),
            .inherit.updating(["TMPDIR": folder + "/tmp"])
        )
    }

    private func scenario(
        _ arguments: [String], in folder: String
    ) async throws -> (status: TerminationStatus, output: String, errors: String) {
        let (program, arguments, environment) = command(arguments, in: folder)
        let result = try await run(
            program, arguments: arguments, environment: environment, output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20))
        return (result.terminationStatus, result.standardOutput, result.standardError)
    }

    @Test("a scenario run answers programs, writes its page and leaves nothing behind")
    func plays() async throws {
        try await withFolder { folder in
            let file = folder + "/small.yaml"
            try Self.story.write(toFile: file, atomically: true, encoding: .utf8)
            let result = try await scenario(
                ["run", file, "--seed", "5", "--json", "--report", folder + "/page.html"], in: folder)
            #expect(result.status == .exited(0), "\(result.errors)")
            let answers = try JSONDecoder().decode([Answer].self, from: Data(result.output.utf8))
            let answer = try #require(answers.first)
            #expect(answer.scenario == "small" && answer.seed == 5 && answer.passed && answer.violations.isEmpty)
            #expect(answer.figures.accepted == answer.figures.wanted && answer.figures.accepted > 40)
            #expect(answer.figures.delivered == answer.figures.accepted)
            #expect(try String(contentsOfFile: folder + "/page.html", encoding: .utf8).contains("kill -9"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/tmp").isEmpty)
        }
    }

    @Test("an expectation that does not hold fails the run, and names the orders with their traces")
    func fails() async throws {
        try await withFolder { folder in
            let file = folder + "/small.yaml"
            let story = Self.story
                .replacing("timeline: [", with: "queues: {payment: {attempts: 1}}\ntimeline: [")
                // So long that even on a busy machine orders come to the provider meanwhile.
                .replacing("kill: payment-worker", with: "for: 20s, provider: payment, fault: error")
                .replacing("at: 300ms", with: "at: 0s")
                .replacing("That a shop survives.", with: #""That red \e[31m is an escape.""#)
            try story.write(toFile: file, atomically: true, encoding: .utf8)
            let result = try await scenario(["run", file, "--seed", "5"], in: folder)
            #expect(result.status == .exited(1))
            #expect(result.output.contains("FAILED  dead letters: none"), "\(result.output)")
            #expect(result.output.contains("payment  try 1  dead"), "\(result.output)")
            #expect(result.output.contains(#"That red \u{1b}[31m is an escape."#) && !result.output.contains("\u{1B}"))
            #expect(result.output.split(separator: "\n").allSatisfy { $0.count <= 100 || $0.contains("dead") })
        }
    }

    @Test("a scenario file with mistakes is refused with their lines")
    func checks() async throws {
        try await withFolder { folder in
            let file = folder + "/small.yaml"
            try Self.story.replacing("burst: 40", with: "burst: none").write(
                toFile: file, atomically: true, encoding: .utf8)
            let result = try await scenario(["check", file], in: folder)
            #expect(result.status == .exited(1))
            #expect(result.output.hasPrefix("small.yaml: line 4: load[1].burst: 'none' is not a whole number"))
        }
    }

    @Test("a killed scenario run takes its server, its processes and its folder along")
    func dies() async throws {
        try await withFolder { folder in
            let file = folder + "/small.yaml"
            try Self.story.replacing("for: 1s", with: "for: 60s").write(
                toFile: file, atomically: true, encoding: .utf8)
            let (program, arguments, environment) = command(["run", file], in: folder)
            let result = try await run(
                program, arguments: arguments, environment: environment, input: .none, output: .discarded,
                error: .discarded
            ) { execution in
                try await eventually("a worker that runs") {
                    try ProcessTable.count(withTemporaryFolder: folder, calledLike: "worker") > 0
                }
                kill(execution.processIdentifier.value, SIGKILL)
            }
            #expect(!result.terminationStatus.isSuccess)
            try await eventually("nothing left of files and processes") {
                try FileManager.default.contentsOfDirectory(atPath: folder + "/tmp").isEmpty
                    && ProcessTable.count(withTemporaryFolder: folder) == 0
            }
        }
    }
}
