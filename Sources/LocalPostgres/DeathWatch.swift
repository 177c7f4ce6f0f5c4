import Foundation
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Runs a command when this process ends in whatever way, `kill -9` included.
///
/// A shell in a process group of its own waits for the end of its standard input, a pipe whose other end only this
/// process holds; the kernel closes it with the process. This works on every Unix, whereas Linux's parent-death signal
/// is bound to the *thread* that started the child, is cleared when the child changes its user, and ends the child
/// only, not a server that detached itself. Letting go of the value leaves the watch in place.
public struct DeathWatch: ~Copyable, Sendable {
    /// Processes may join this group; a command that signals group 0 reaches them.
    public let processGroup: Int32
    private let pipeEnd: FileDescriptor

    /// Starts the watch.
    ///
    /// - Parameter lock: stays locked until the command has ended.
    public static func start(_ command: [String], holding lock: borrowing FolderLock) async throws -> DeathWatch {
        try await start(command, as: nil, holding: lock.descriptor)
    }

    /// Starts the watch without a lock.
    public static func start(_ command: [String]) async throws -> DeathWatch {
        try await start(command, as: nil, holding: nil)
    }

    static func start(_ command: [String], as account: ServerAccount?, holding lock: Int32?) async throws -> DeathWatch
    {
        let nowhere = try FileDescriptor.open("/dev/null", .writeOnly, options: .closeOnExec)
        defer { try? nowhere.close() }
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        _ = fcntl(writeEnd.rawValue, F_SETFD, FD_CLOEXEC)
        let words = ["/bin/sh", "-c", script, "sh"] + command
        let shellCommand = account?.wrapping(words) ?? words
        var options = PlatformOptions()
        options.processGroupID = 0
        // The lock travels as standard output, which nothing here writes to.
        let shell = try await run(
            .at(shellCommand[0]), arguments: Arguments(Array(shellCommand.dropFirst())),
            workingDirectory: "/",
            platformOptions: options,
            input: .fileDescriptor(readEnd, closeAfterSpawningProcess: true),
            output: .fileDescriptor(
                lock.map(FileDescriptor.init(rawValue:)) ?? nowhere, closeAfterSpawningProcess: false),
            error: .discarded)
        return DeathWatch(processGroup: shell.processIdentifier.value, pipeEnd: writeEnd)
    }

    /// A line means "stand down"; the end without one means death. The shell that was started returns at once.
    private static let script = """
        exec 3<&0
        { trap '' INT TERM HUP; read -r line <&3 || { exec 3<&-; "$@" >&2; }; } &
        """

    /// Ends the watch; the command will not run.
    public consuming func standDown() throws {
        _ = try pipeEnd.writeAll("\n".utf8)
        try pipeEnd.close()
    }
}
