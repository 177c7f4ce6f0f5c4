import ArgumentParser
import MessageQueue
import Postgres
import ShoeShop

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database to the newest schema, declares queues and topics, fills the shelves.",
        discussion: "Safe to repeat, also by several processes at once: what is there stays as it is.")

    @Flag(
        help: "Also make two roles, one that owns the schema and one for workers, with no more rights than they need.")
    var roles = false
    @Option(help: "The role that owns the schema.")
    var ownerRole = "shoeshop_owner"
    @Option(help: "The role that workers and APIs log in as. Its password is yours to set.")
    var workerRole = "shoeshop_worker"
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let applied = try await connection.withDatabase { database in
            let applied = try await ShopSchema.install(in: database)
            if roles {
                try await Roles(owner: ownerRole, worker: workerRole).assign(.messageQueue, .shop, in: database)
            }
            return applied
        }
        try output.show(
            applied,
            text: applied.isEmpty ? "The schema is up to date." : "Applied: \(applied.joined(separator: ", "))")
    }
}

/// Everything that has to be in the database before the shop opens.
enum ShopSchema {
    static let migrator = Migrator(.messageQueue, .shop)

    /// - Returns: the names of the migrations applied now.
    static func install(in database: Database) async throws -> [String] {
        let applied = try await migrator.run(on: database)
        try await Broker(database).declare(Topology.shop)
        let catalogue = try Samples.catalogue()
        try await database.write { catalogue.open(in: $0) }
        return applied
    }
}
