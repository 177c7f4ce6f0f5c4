import Foundation
import Postgres
import Subprocess
import TestSupport
import Testing

@testable import Scenarios

@Suite(
    "A full disk", .serialized, .timeLimit(.minutes(10)),
    .enabled(if: LimitedDisk.isPossible, "mounting a small file system needs root (CAP_SYS_ADMIN)"))
struct FullDiskTests {
    @Test(
        "a full disk refuses what needs room, brings the server down when its log needs some, and loses nothing committed"
    )
    func full() async throws {
        let server = ServerUnderTest.server(diskLimit: 192 << 20)
        try await server.start()
        let database = ServerUnderTest.database(of: server)
        try await database.script("CREATE TABLE shoe (size int, note text DEFAULT repeat('x', 1000))")
        let trouble = DatabaseTrouble(.full, on: server)
        try await trouble.begin()
        var stored: [Int] = []
        let refusal = try await eventually("a table can't grow") { () -> PostgresError? in
            let error = await failure { try await database.insert(stored.count) }
            if error == nil { stored.append(stored.count) }
            return error
        }
        #expect(refusal.sqlState == "53100" && refusal.isRetryable)
        // The log is written into segments that are there already, until those are used up.
        let end = try await eventually("the log can't grow") { () -> PostgresError? in
            let error = await failure { try await database.script(Self.fillLog) }
            return error?.isConnectionTrouble == true && error?.kind != .server ? error : nil
        }
        // The statement commits by itself, so nobody knows how far the server came with it.
        #expect(end.kind == .outcomeUnknown)
        try await trouble.end()
        try await database.insert(-1)
        #expect(try await database.sizes() == [-1] + stored)
        await database.close()
        try await server.stop()
    }

    @Test("the limited disk of a process that is gone is found and unmounted, and one that is in use is left alone")
    func leftOver() async throws {
        let dead = try await run(.name("true"), output: .discarded).processIdentifier.value
        let left = "/var/tmp/shoeshop-disk-\(dead)-test"
        try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: false)
        let mounting = try await run(
            .name("mount"), arguments: ["-t", "tmpfs", "-o", "size=1m", "tmpfs", left], output: .discarded)
        #expect(mounting.terminationStatus.isSuccess)
        let link = "/tmp/shoeshop-disk-\(UUID().uuidString.prefix(8))"
        let used = try await LimitedDisk.mounted(at: link, bytes: 1 << 20)
        // Whoever else needs such a disk just now may have come first.
        _ = try await LimitedDisk.removeLeftOver()
        try await eventually("it is gone") { !FileManager.default.fileExists(atPath: left) }
        #expect(try used.fill() > 0, "it is still there")
        try await used.unmount()
        try FileManager.default.removeItem(atPath: link)
    }

    private static let fillLog = "SELECT pg_logical_emit_message(true, 'shoe', repeat('x', 1000000))"
}
