import Logging
import MessageQueue
import Postgres
import ShoeShop

/// What has to be in the database before the shop opens.
struct ShopSetup: Sendable {
    let catalogue: ShoeShop.Catalogue
    let floor: ShopFloor
    let speed: Double

    private static let plenty = 1_000_000

    func install(on conninfo: String) async throws {
        try await Database.lend(to: conninfo) { database in
            _ = try await Shop.install(
                catalogue.stocked(with: floor.stock ?? Self.plenty), topology: topology, in: database)
        }
    }

    /// The shop's queues, as the scenario changes them: times go with the story's speed.
    private var topology: Topology {
        Topology.shop.changed { name, settings in
            guard let change = floor.queues[name] else { return }
            if let attempts = change.attempts { settings.retry.attempts = attempts }
            if let longest = change.longestBackOff { settings.retry.cap = longest * (1 / speed) }
            if let backOff = change.backOff {
                settings.retry.base = backOff * (1 / speed)
                settings.retry.cap = max(settings.retry.cap, settings.retry.base)
            }
            if let lease = change.lease { settings.lease = lease * (1 / speed) }
        }
    }
}

extension Database {
    /// Lends a small pool that waits for nothing long, see ``open(_:options:logger:_:)``.
    static func lend<T: Sendable>(to conninfo: String, _ body: (Database) async throws -> T) async throws -> T {
        var options = DatabaseOptions()
        options.connectionLimit = 3
        options.waitLimit = .seconds(2)
        // Books are read as a whole.
        options.connection.silenceLimit = .seconds(120)
        let logger = Logger(label: "scenario") { _ in SwiftLogNoOpLogHandler() }
        return try await open(conninfo, options: options, logger: logger, body)
    }
}
