import ArgumentParser
import MessageQueue
import Postgres
import ShoeShop

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database to the newest schema, declares queues and topics, fills the shelves.",
        discussion: "Safe to repeat, also by several processes at once: what is there stays as it is.")

    @OptionGroup var connection: Connection
    @OptionGroup var output: Output

    func run() async throws {
        let applied = try await connection.withDatabase { try await ShopSchema.install(in: $0) }
        try output.show(
            applied,
            text: applied.isEmpty ? "The schema is up to date." : "Applied: \(applied.joined(separator: ", "))")
    }
}

/// Everything that has to be in the database before the shop opens.
enum ShopSchema {
    static let migrator = Migrator(.messageQueue + .shop)

    /// - Returns: the names of the migrations applied now.
    static func install(in database: Database) async throws -> [String] {
        let applied = try await migrator.run(on: database)
        try await Broker(database).declare(Topology.shop)
        let catalogue = try Samples.catalogue()
        try await database.write { catalogue.open(in: $0) }
        return applied
    }
}
