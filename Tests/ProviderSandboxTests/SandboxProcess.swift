import Foundation
import Synchronization

/// A provider-sandbox in a process of its own, on free ports, with a directory for its ledgers.
final class SandboxProcess: Sendable {
    private let process: Process
    private let exits: AsyncStream<Int32>
    private let log: LogReader

    /// Starts one; it may fail to come up, which `exitStatus()` or `addresses()` will tell.
    init(data: URL, _ arguments: [String] = []) throws {
        let process = Process()
        let (exits, exiting) = AsyncStream.makeStream(of: Int32.self)
        let stderr = Pipe()
        process.executableURL = Self.executable
        process.arguments =
            ["--data", data.path, "--port", "0", "--payment-port", "0", "--logistics-port", "0"]
            + ["--log-format", "json", "--log-level", "debug"] + arguments
        process.standardError = stderr
        process.terminationHandler = { process in
            exiting.yield(process.terminationStatus)
            exiting.finish()
        }
        log = LogReader(stderr.fileHandleForReading)
        try process.run()
        self.process = process
        self.exits = exits
    }

    /// Beside the tests, where the package manager puts executables.
    static var executable: URL {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "provider-sandbox")
    }

    /// Waits until it listens.
    func addresses() async throws -> [String: String] {
        try await log.line(containing: #""message":"listening""#).metadata ?? [:]
    }

    /// Waits for a line of the log that nobody waited for yet.
    func logged(_ text: String) async throws { _ = try await log.line(containing: text) }

    /// Waits for its end.
    func exitStatus() async -> Int32 { await exits.first { _ in true } ?? -1 }

    /// All that it has logged and nobody waited for; to be asked after its end.
    func rest() async -> String { await log.rest() }

    var pid: Int32 { process.processIdentifier }

    func signal(_ signal: Int32) { kill(pid, signal) }
}

/// The lines of a log, each to be waited for once.
private final class LogReader: Sendable {
    struct Line: Decodable {
        let message: String
        let metadata: [String: String]?
    }

    struct EndOfLog: Error { let missing: String }

    private let lines: AsyncStream<String>

    init(_ file: FileHandle) {
        let (lines, adding) = AsyncStream.makeStream(of: String.self)
        let partial = Mutex("")
        self.lines = lines
        file.readabilityHandler = { file in
            let data = file.availableData
            guard !data.isEmpty else {
                file.readabilityHandler = nil
                return adding.finish()
            }
            for line in partial.withLock({ $0.takeLines(after: String(decoding: data, as: UTF8.self)) }) {
                adding.yield(line)
            }
        }
    }

    func line(containing text: String) async throws -> Line {
        for await line in lines where line.contains(text) {
            return try JSONDecoder().decode(Line.self, from: Data(line.utf8))
        }
        throw EndOfLog(missing: text)
    }

    func rest() async -> String { await lines.reduce(into: "") { $0 += $1 + "\n" } }
}

extension String {
    /// Adds text and takes out the lines that are whole.
    fileprivate mutating func takeLines(after text: String) -> [String] {
        self += text
        var lines = split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        self = lines.removeLast()
        return lines
    }
}
