import Foundation
import LocalPostgres
import Postgres
import ShoeShop

/// The database that the shop stands on: the one that was given, or a private one that goes when we go.
struct Foundations: ~Copyable {
    let conninfo: String
    /// Nil for a database that was given.
    let postgres: LocalPostgres?
    private let watch: DeathWatch?

    /// Starts the database where it is ours, and brings it to the newest schema.
    static func lay(in shop: ShopFolder, holding lock: borrowing FolderLock) async throws -> Foundations {
        let foundations = try await start(in: shop, holding: lock)
        do {
            _ = try await Database.lend(foundations.conninfo) { try await Shop.installSamples(in: $0) }
        } catch {
            try await foundations.clear()
            throw error
        }
        return foundations
    }

    private static func start(in shop: ShopFolder, holding lock: borrowing FolderLock) async throws -> Foundations {
        if let given = ProcessInfo.processInfo.environment["DATABASE_URL"] {
            return Foundations(conninfo: try checked(given), postgres: nil, watch: nil)
        }
        let postgres = LocalPostgres(directory: shop.postgres)
        let watch = try await postgres.stopWithThisProcess(holding: lock)
        return Foundations(conninfo: try await postgres.start(), postgres: postgres, watch: watch)
    }

    /// Stops what was started here.
    consuming func clear() async throws {
        try await postgres?.stop()
        try watch?.standDown()
    }

    private init(conninfo: String, postgres: LocalPostgres?, watch: consuming DeathWatch?) {
        self.conninfo = conninfo
        self.postgres = postgres
        self.watch = watch
    }
}
