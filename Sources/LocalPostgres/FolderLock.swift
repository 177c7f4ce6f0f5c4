import Dispatch
import Foundation

/// A lock on a file, held by one process at a time and given back by the kernel when its holders end.
///
/// A child that was handed the descriptor is a holder too.
public struct FolderLock: ~Copyable, Sendable {
    let descriptor: Int32

    /// Waits until nobody else holds the lock on `path`.
    ///
    /// - Throws: `POSIXError` when the file cannot be opened.
    public static func acquire(_ path: String) async throws -> FolderLock {
        let lock = try FolderLock(opening: path)
        let descriptor = lock.descriptor
        // Waiting in the kernel takes a thread, which must not be one of the concurrency pool.
        await withCheckedContinuation { (granted: CheckedContinuation<Void, Never>) in
            DispatchQueue.global().async {
                while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
                granted.resume()
            }
        }
        return lock
    }

    /// Takes the lock unless somebody holds it; nil then.
    ///
    /// - Throws: `POSIXError` when the file cannot be opened.
    public static func attempt(_ path: String) throws -> FolderLock? {
        let lock = try FolderLock(opening: path)
        guard flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 else { return nil }
        return lock
    }

    private init(opening path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    /// Gives the lock back. Reaching the end of the value's life does the same.
    public consuming func release() {}

    deinit { close(descriptor) }
}
