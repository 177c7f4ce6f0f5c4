import Foundation
import LocalPostgres
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// An executable of the package as a real process.
///
/// ```swift
/// try await TestProcess.with("stock-worker", environment: ["DATABASE_URL": conninfo]) { worker in
///     worker.signal(SIGKILL)
/// }
/// ```
public struct TestProcess: Sendable {
    public let processID: Int32
    /// What the process wrote to its ready-file: `address`, and more for some.
    public let addresses: [String: String]

    public struct NotReady: Error, CustomStringConvertible {
        public let description: String
    }

    /// Starts the process, waits until it listens, runs `body`, and ends the process: SIGTERM, then SIGKILL.
    ///
    /// Any port. The process does not outlive this one.
    /// - Parameter log: a file for what it logs; else that goes to this process's standard error.
    /// - Throws: ``NotReady`` when it ended or said nothing within `limit`, and what `body` throws.
    public static func with<T: Sendable>(
        _ name: String, arguments: [String] = [], environment: [String: String] = [:], log: String? = nil,
        limit: Duration = .seconds(120), _ body: @escaping @Sendable (TestProcess) async throws -> T
    ) async throws -> T {
        let readyFile = "/tmp/shoeshop-ready-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: readyFile) }
        return try await watched { options in
            let own = ["PORT": "0", "READY_FILE": readyFile].merging(environment) { _, given in given }
            let result = try await run(
                .path(FilePath(directory + "/" + name)), arguments: Arguments(arguments),
                environment: .inherit.updating(variables(own)), platformOptions: options, input: .none,
                output: try output(into: log), error: .combinedWithOutput
            ) { execution in
                let outcome = await outcome {
                    let processID = execution.processIdentifier.value
                    return try await body(try await ready(name, processID, readyFile, limit))
                }
                await execution.teardown(using: [.gracefulShutDown(allowedDurationToNextStep: .seconds(35))])
                return outcome
            }
            return result.closureResult
        }.get()
    }

    /// Runs `body` beside a program of this machine, which ends with it.
    public static func withProgram<T: Sendable>(
        _ path: String, _ arguments: [String], _ body: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        try await watched { options in
            let result = try await run(
                .path(FilePath(path)), arguments: Arguments(arguments), platformOptions: options, input: .none,
                output: .discarded, error: .discarded
            ) { execution in
                let outcome = await outcome { try await body() }
                await execution.teardown(using: [.gracefulShutDown(allowedDurationToNextStep: .seconds(5))])
                return outcome
            }
            return result.closureResult
        }.get()
    }

    private static func output(into file: String?) throws -> FileDescriptorOutput {
        guard let file else { return .currentStandardError }
        let descriptor = try FileDescriptor.open(
            FilePath(file), .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite])
        return .fileDescriptor(descriptor, closeAfterSpawningProcess: true)
    }

    /// What an executable prints before it ends by itself with success, such as its version.
    public static func output(of name: String, _ arguments: [String]) async throws -> String {
        let end = try await end(of: name, arguments)
        guard end.status == 0 else {
            throw NotReady(description: "\(name) ended with \(end.status): \(end.complaint)")
        }
        return end.output
    }

    /// How an executable ended by itself, and what it said.
    public struct End: Sendable {
        /// Negative: the number of the signal that ended it.
        public let status: Int32
        public let output: String
        public let complaint: String
    }

    /// Runs an executable to its end, whatever that is. It does not outlive this process.
    public static func end(
        of name: String, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> End {
        try await watched { options in
            let result = try await run(
                .path(FilePath(directory + "/" + name)), arguments: Arguments(arguments),
                environment: .inherit.updating(variables(environment)), platformOptions: options,
                output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
            return End(
                status: status(of: result.terminationStatus), output: result.standardOutput,
                complaint: result.standardError)
        }
    }

    /// As ``end(of:_:environment:)``, with standard output going to an open file, which is closed here.
    public static func end(
        of name: String, _ arguments: [String], environment: [String: String] = [:], writingTo descriptor: Int32
    ) async throws -> End {
        try await watched { options in
            let result = try await run(
                .path(FilePath(directory + "/" + name)), arguments: Arguments(arguments),
                environment: .inherit.updating(variables(environment)), platformOptions: options,
                output: .fileDescriptor(FileDescriptor(rawValue: descriptor), closeAfterSpawningProcess: true),
                error: .string(limit: 1 << 20))
            return End(status: status(of: result.terminationStatus), output: "", complaint: result.standardError)
        }
    }

    /// Lends a process group that ends with this process.
    private static func watched<T>(_ body: (PlatformOptions) async throws -> T) async throws -> T {
        let watch = try await DeathWatch.start(["/bin/sh", "-c", "kill -KILL 0"])
        var options = PlatformOptions()
        options.processGroupID = watch.processGroup
        let value = try await body(options)
        try watch.standDown()
        return value
    }

    private static func variables(_ environment: [String: String]) -> [Environment.Key: String?] {
        Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), Optional($1)) })
    }

    private static func status(of end: TerminationStatus) -> Int32 {
        switch end {
        case .exited(let status): status
        case .signaled(let number): -number
        }
    }

    /// Sends a signal; nothing happens when the process has ended.
    public func signal(_ number: Int32) { kill(processID, number) }

    /// Whether it has ended, by whatever.
    public var hasEnded: Bool {
        guard let info = end else { return true }
        return info.si_signo == SIGCHLD
    }

    /// What it ended with by itself; nil while it runs, and when a signal ended it.
    public var exitStatus: Int32? {
        guard let info = end, info.si_signo == SIGCHLD, info.si_code == Int32(CLD_EXITED) else { return nil }
        return info._sifields._sigchld.si_status
    }

    /// Leaves the exit status to whoever waits for it; nil once that has been done.
    private var end: siginfo_t? {
        var info = siginfo_t()
        return waitid(P_PID, id_t(processID), &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info : nil
    }

    private static func outcome<T>(_ body: () async throws -> T) async -> Result<T, any Error> {
        do { return .success(try await body()) } catch { return .failure(error) }
    }

    private static func ready(_ name: String, _ processID: Int32, _ file: String, _ limit: Duration) async throws
        -> TestProcess
    {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if let data = FileManager.default.contents(atPath: file) {
                let content = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
                return TestProcess(processID: processID, addresses: content.compactMapValues { $0 as? String })
            }
            guard kill(processID, 0) == 0 else { break }
            // The file is all that the process tells.
            try await Task.sleep(for: .milliseconds(10))
        }
        throw NotReady(description: "\(name) was not ready within \(limit)")
    }

    /// The package's products lie beside the test bundle.
    private static var directory: String {
        let own = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        return own.resolvingSymlinksInPath().deletingLastPathComponent().path
    }
}
