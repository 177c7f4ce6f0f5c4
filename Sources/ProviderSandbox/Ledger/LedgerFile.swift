import Foundation
import Logging

/// A ledger's file at the start of the process: its whole lines, and the end to append to.
struct LedgerFile {
    let lines: [Data]
    let appending: AppendOnlyFile

    /// Cuts off a last line without its end: it was being written when the process was killed, and nobody had an
    /// answer for it.
    init(_ url: URL, logger: Logger) throws {
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        appending = try AppendOnlyFile(url.path)
        let content = try Data(contentsOf: url)
        let whole = content.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        if whole < content.count {
            logger.warning(
                "torn last line cut off", metadata: ["file": "\(url.path)", "bytes": "\(content.count - whole)"])
            try appending.truncate(to: whole)
        }
        lines = content.prefix(whole).split(separator: UInt8(ascii: "\n")).map { Data($0) }
    }
}

/// A file that only grows, and that this process alone has open.
final class AppendOnlyFile: Sendable {
    private let descriptor: CInt

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure("open \(path)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw LedgerError.inUse(path: path)
        }
    }

    deinit { close(descriptor) }

    func append(_ data: Data) throws {
        try data.withUnsafeBytes { bytes in
            var rest = bytes
            while let base = rest.baseAddress, !rest.isEmpty {
                let written = write(descriptor, base, rest.count)
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { throw Self.failure("write") }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
            }
        }
    }

    func synchronize() throws {
        guard fdatasync(descriptor) == 0 else { throw Self.failure("fdatasync") }
    }

    func truncate(to size: Int) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw Self.failure("truncate") }
    }

    private static func failure(_ call: String) -> LedgerError {
        .failed("\(call): \(String(cString: strerror(errno)))")
    }
}
