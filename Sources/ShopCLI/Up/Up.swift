import ArgumentParser
import Foundation
import LocalPostgres
import ShopProcesses

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens the whole shop on this machine, puts the sample orders through it, and keeps it running.",
        discussion: """
            Starts a private PostgreSQL (unless DATABASE_URL is given), the sandboxed providers, the desk, the API, the
            gateway and the four workers, each a process of its own, and starts again whichever dies. Ctrl-C drains and stops everything;
            a second Ctrl-C, or the end of this process in any other way, stops everything at once. Nothing is lost
            by that, and the next start goes on where this one stopped.

            Each run submits the sample orders anew: their idempotency keys carry the time of the start.
            """)

    @Flag(help: "Stop after the summary; the exit status is 0 only if the books balance.")
    var once = false
    @OptionGroup var folder: FolderOption
    @OptionGroup var output: Output

    func run() async throws {
        let shop = folder.shop
        let stop = StopSignal()
        try shop.prepare()
        let lock = try await exclusive(shop)
        let postgres = try await Foundations.lay(in: shop, holding: lock)
        let result: Bool?
        do {
            let group = try await DeathWatch.start(["/bin/sh", "-c", "kill -KILL 0"], holding: lock)
            let site = Site(shop: shop, database: postgres.conninfo, ports: Ports.free())
            let screen = Screen(isForProgram: output.json)
            let keeper = ServerKeeper(postgres: postgres.postgres, screen: screen)
            result = try await keeper.serve {
                try await site.open(in: group.processGroup, on: screen, until: stop) {
                    try await SampleRun(site: site, screen: screen, json: output.json).play(isLast: once)
                }
            }
            try group.standDown()
        } catch {
            try await postgres.clear()
            throw error
        }
        try await postgres.clear()
        if once, result != true { throw ExitCode.failure }
    }

    /// One shop at a time runs in a folder. The lock outlives us until the death watches have cleaned up.
    private func exclusive(_ shop: ShopFolder) async throws -> FolderLock {
        for _ in 0..<100 {
            if let lock = try FolderLock.attempt(shop.lock) { return lock }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw ValidationError("Another shoeshop up runs in \(shop.path). Stop it, or give another --folder.")
    }
}
