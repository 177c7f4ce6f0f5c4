import Foundation
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// One process of the shop, as it is to be started.
public struct Member: Sendable {
    /// What it is called in its log's name, and to people; two processes of one executable have two names.
    public let name: String
    public let executable: String
    public var environment: [String: String]
    public let log: String
    public let readyFile: String

    public struct Missing: Error, CustomStringConvertible {
        let executable: String
        public var description: String {
            "\(executable) is missing. Build all products: swift build."
        }
    }

    /// - Parameters:
    ///   - program: the executable's name; nil: the same as `name`.
    ///   - log: what it prints is appended to this file.
    ///   - readyFile: the file in which it tells where it listens.
    /// - Throws: ``Missing`` when the executable is not beside our own.
    public init(
        _ name: String, program: String? = nil, environment: [String: String], log: String, readyFile: String
    ) throws {
        self.name = name
        executable = Self.directory + "/" + (program ?? name)
        self.log = log
        self.readyFile = readyFile
        self.environment = environment.merging(["READY_FILE": readyFile]) { given, _ in given }
        guard FileManager.default.isExecutableFile(atPath: executable) else { throw Missing(executable: executable) }
    }

    /// Waits until the process listens.
    public func ready() async throws {
        // The file is all that a process tells; it is looked for only while the shop opens.
        while !FileManager.default.fileExists(atPath: readyFile) { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// Runs until the process ends by itself; on cancellation SIGTERM, then SIGKILL. Answers how it ended.
    ///
    /// - Parameters:
    ///   - processGroup: of a death watch, which takes the process along when we die.
    ///   - drainLimit: from SIGTERM to SIGKILL.
    ///   - started: told the process's number.
    public func run(
        in processGroup: Int32, drainLimit: Duration, started: @Sendable (Int32) -> Void = { _ in }
    ) async -> String {
        do {
            try? FileManager.default.removeItem(atPath: readyFile)
            let log = try FileDescriptor.open(
                FilePath(log), .writeOnly, options: [.append, .create], permissions: [.ownerReadWrite])
            var options = PlatformOptions()
            options.processGroupID = processGroup
            options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: drainLimit)]
            let variables = environment.map { (Environment.Key(stringLiteral: $0), Optional($1)) }
            let result = try await Subprocess.run(
                .path(FilePath(executable)),
                environment: .inherit.updating(Dictionary(uniqueKeysWithValues: variables)),
                platformOptions: options, input: .none,
                output: .fileDescriptor(log, closeAfterSpawningProcess: true), error: .combinedWithOutput
            ) { execution in
                started(execution.processIdentifier.value)
            }
            return "\(result.terminationStatus)"
        } catch {
            return "\(error)"
        }
    }

    /// The folder of our own executable, whatever name it was called by.
    private static var directory: String {
        let own = Bundle.main.executableURL ?? URL(filePath: CommandLine.arguments[0])
        return own.resolvingSymlinksInPath().deletingLastPathComponent().path
    }
}
