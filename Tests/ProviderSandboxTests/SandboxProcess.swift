import Foundation
import SystemPackage

/// A provider-sandbox in a process of its own, on free ports, with a directory for its ledgers.
final class SandboxProcess: Sendable {
    let pid: pid_t
    private let exits: AsyncStream<Int32>
    private let log: LogReader

    /// Starts one; it may fail to come up, which `exitStatus()` or `addresses()` will tell.
    init(data: URL, _ arguments: [String] = []) throws {
        let stderr = try LogPipe()
        let ports = ["--port", "0", "--payment-port", "0", "--logistics-port", "0"]
        let logs = ["--log-format", "json", "--log-level", "debug"]
        let pid = try spawn(
            Self.executable.path, ["--data", data.path] + ports + logs + arguments, stderr: stderr.writing)
        let (exits, exiting) = AsyncStream.makeStream(of: Int32.self)
        // Ends with the process, which every test kills.
        Thread.detachNewThread {
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            exiting.yield(status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F))
            exiting.finish()
        }
        self.pid = pid
        self.exits = exits
        log = LogReader(stderr.reading)
    }

    /// Beside the tests, where the package manager puts executables.
    static var executable: URL {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "provider-sandbox")
    }

    private struct Listening: Decodable { let metadata: [String: String] }

    /// Waits until it listens. The same line tells the version, which is no address.
    func addresses() async throws -> [String: String] {
        let line = try await log.line(containing: #""message":"listening""#)
        return try JSONDecoder().decode(Listening.self, from: Data(line.utf8)).metadata.filter { $0.key != "version" }
    }

    /// Waits for a line of the log that nobody waited for yet.
    func logged(_ text: String) async throws { _ = try await log.line(containing: text) }

    /// Waits for its end.
    func exitStatus() async -> Int32 { await exits.first { _ in true } ?? -1 }

    func signal(_ signal: Int32) { kill(pid, signal) }
}

/// Starts a program with its stderr given, its stdout nowhere, and all other descriptors closed or the parent's.
///
/// Foundation's `Process` notices an exit by a descriptor that children started at the same time inherit, so that one
/// test would wait for another's child.
private func spawn(_ path: String, _ arguments: [String], stderr: Int32) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, stderr, STDERR_FILENO)
    // Whoever reads what the tests print would otherwise wait for a child that outlived tests that crashed.
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    let argv = ([path] + arguments).map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, path, &actions, nil, argv, environ)
    guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: result) ?? .EIO) }
    return pid
}

/// A pipe that no child inherits but the one it is meant for.
private struct LogPipe: ~Copyable {
    let reading: FileDescriptor
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reading = FileDescriptor(rawValue: ends[0])
        writing = ends[1]
    }

    deinit { close(writing) }
}

/// The lines of a log, each to be waited for once.
private final class LogReader: Sendable {
    struct EndOfLog: Error { let missing: String }

    private let lines: AsyncStream<String>

    /// - Parameter file: taken over.
    init(_ file: FileDescriptor) {
        let (lines, adding) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        // Ends with the log, and that with the process.
        Thread.detachNewThread {
            defer { try? file.close() }
            var partial = ""
            var chunk = [UInt8](repeating: 0, count: 1 << 12)
            while let count = try? chunk.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
                for line in partial.takeLines(after: String(decoding: chunk[..<count], as: UTF8.self)) {
                    adding.yield(line)
                }
            }
            adding.finish()
        }
    }

    func line(containing text: String) async throws -> String {
        for await line in lines where line.contains(text) {
            return line
        }
        throw EndOfLog(missing: text)
    }
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
