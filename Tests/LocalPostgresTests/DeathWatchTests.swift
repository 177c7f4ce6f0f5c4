import Foundation
import LocalPostgres
import Subprocess
import Testing

@Suite("A death watch", .timeLimit(.minutes(10)))
struct DeathWatchTests {
    @Test("a death watch that was told to stand down runs nothing and gives the lock back")
    func standDown() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let lock = try await FolderLock.acquire(folder + "/lock")
            let watch = try await DeathWatch.start(["/usr/bin/touch", folder + "/fired"], holding: lock)
            lock.release()
            try watch.standDown()
            try await FolderLock.acquire(folder + "/lock").release()
            #expect(!FileManager.default.fileExists(atPath: folder + "/fired"))
        }
    }

    @Test("a death watch keeps the lock while it watches, so that a successor waits for the end of the cleaning")
    func keepsLock() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let lock = try await FolderLock.acquire(folder + "/lock")
            let watch = try await DeathWatch.start(["/bin/true"], holding: lock)
            lock.release()
            let isFree = try FolderLock.attempt(folder + "/lock") != nil
            #expect(!isFree)
            try watch.standDown()
        }
    }
}
