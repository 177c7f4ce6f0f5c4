import Foundation
import LocalPostgres
import Subprocess
import Synchronization

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// A small file system in memory, which can be filled to its last block.
///
/// It is unmounted with this process, however that ends.
final class LimitedDisk: Sendable {
    private let mountPoint: String
    private let watch: Mutex<DeathWatch?>

    /// Mounting takes root, or the right that root has in most places (`CAP_SYS_ADMIN`); containers mostly withhold it.
    static var isPossible: Bool {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let capabilities = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } ?? 0
        return geteuid() == 0 && capabilities & 1 << 21 != 0
    }

    /// Mounts the file system, and makes `link` a symbolic link to it.
    ///
    /// Not at `link` itself: the account that runs the server might not be able to enter the folders above.
    /// - Throws: ``ScenarioError`` of reason `notPossibleHere` or `serverFailed`.
    static func mounted(at link: String, bytes: Int) async throws -> LimitedDisk {
        guard isPossible else {
            throw ScenarioError(
                .notPossibleHere,
                "A full disk needs root, to mount a small file system for the database (in a container: --cap-add SYS_ADMIN)."
            )
        }
        let owner = ProcessInfo.processInfo.processIdentifier
        let mountPoint = "\(prefix)\(owner)-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: false)
        let watch = try await DeathWatch.start(["/bin/sh", "-c", cleaning, mountPoint])
        try await succeed("mount", ["-t", "tmpfs", "-o", "size=\(bytes),mode=0700", "tmpfs", mountPoint])
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: mountPoint)
        return LimitedDisk(mountPoint: mountPoint, watch: watch)
    }

    /// Followed by the number of the process that the file system belongs to.
    private static let prefix = "/var/tmp/shoeshop-disk-"

    /// Unmounts the file systems of processes that died together with their watch, and answers where they were.
    ///
    /// What a process uses that ends just now is detached, and freed when that has ended.
    static func removeLeftOver() async throws -> [String] {
        guard isPossible else { return [] }
        var removed: [String] = []
        for mountPoint in try leftOver() {
            // Another run may have been faster.
            guard (try? await succeed("umount", ["-l", mountPoint])) != nil else { continue }
            rmdir(mountPoint)
            removed.append(mountPoint)
        }
        return removed
    }

    private static func leftOver() throws -> [String] {
        try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8).split(separator: "\n").compactMap { mount in
            let fields = mount.split(separator: " ")
            guard fields.count > 1, fields[1].hasPrefix(prefix) else { return nil }
            let owner = fields[1].dropFirst(prefix.count).prefix { $0 != "-" }
            guard let owner = Int32(owner), !FileManager.default.fileExists(atPath: "/proc/\(owner)") else {
                return nil
            }
            return String(fields[1])
        }
    }

    private init(mountPoint: String, watch: consuming DeathWatch) {
        self.mountPoint = mountPoint
        self.watch = Mutex(watch)
    }

    /// The server's own watch stops it meanwhile; until then the file system is busy.
    private static let cleaning = """
        for try in $(seq 400); do umount "$0" 2>/dev/null && break; sleep 0.1; done
        umount -l "$0" 2>/dev/null; rmdir "$0"
        """

    /// Takes all that is left, and answers how many bytes that was. The next write by anybody fails with `ENOSPC`.
    @discardableResult
    func fill() throws -> Int {
        let file = try FileDescriptor.open(
            ballast, .writeOnly, options: [.create, .append, .closeOnExec], permissions: .ownerReadWrite)
        return try file.closeAfter {
            let block = [UInt8](repeating: 0, count: 1 << 16)
            var written = 0
            while true {
                do { written += try block.withUnsafeBytes { try file.write($0) } } catch Errno.noSpace {
                    return written
                }
            }
        }
    }

    /// Gives the space back.
    func empty() throws {
        if FileManager.default.fileExists(atPath: ballast.string) {
            try FileManager.default.removeItem(atPath: ballast.string)
        }
    }

    /// Nobody may use it any more. Processes that are just ending are waited for, and left behind after a while.
    func unmount() async throws {
        for _ in 0..<100 {
            guard (try? await Self.succeed("umount", [mountPoint])) == nil else { return try remove() }
            // They are nobody's children here: there is no event to await.
            try await Task.sleep(for: .milliseconds(50))
        }
        try await Self.succeed("umount", ["-l", mountPoint])
        try remove()
    }

    private func remove() throws {
        try FileManager.default.removeItem(atPath: mountPoint)
        let watch = watch.withLock { $0.take() }
        try watch?.standDown()
    }

    private var ballast: FilePath { FilePath(mountPoint + "/ballast") }

    private static func succeed(_ program: String, _ arguments: [String]) async throws {
        let result = try await run(
            .name(program), arguments: Arguments(arguments), output: .discarded, error: .string(limit: 1 << 12))
        guard result.terminationStatus.isSuccess else {
            throw ScenarioError(.serverFailed, "\(program) failed: \(result.standardError)")
        }
    }
}
