import ArgumentParser
import Postgres
import ShoeShop

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database to the newest schema, declares queues and topics, fills the shelves.",
        discussion: """
            Safe to repeat, also by several processes at once: what is there stays as it is.

            With --roles it also makes two roles where they aren't there yet, gives the schema to the one, and lets the other \
            do what workers and APIs do: send, receive, finish, operate, and nothing else. It takes the database's owner with \
            CREATEROLE, or a superuser; once both roles are there, the owner role is enough. Repeat it with each new version, \
            so that workers may use what its migrations add.

            The worker role has no password until you set one: ALTER ROLE shoeshop_worker PASSWORD '...'.
            """)

    @Flag(help: "Also make the owner's and the workers' roles, and give each its rights.")
    var roles = false
    @Option(help: "The role that owns the schema; it can't log in unless you let it.")
    var ownerRole = "shoeshop_owner"
    @Option(help: "The role that workers and APIs log in as. Its password is yours to set.")
    var workerRole = "shoeshop_worker"
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let applied = try await connection.withDatabase { database in
            guard roles else { return try await Shop.installSamples(in: database) }
            let roles = Roles(owner: ownerRole, worker: workerRole)
            // First, so that what can't be is told before anything is changed.
            try await roles.make(in: database)
            let applied = try await Shop.installSamples(in: database)
            try await roles.assign(Migrator.shop.lines, in: database)
            return applied
        }
        try output.show(applied, text: text(applied))
    }

    private func text(_ applied: [String]) -> String {
        let schema = applied.isEmpty ? "The schema is up to date." : "Applied: \(applied.joined(separator: ", "))"
        return roles ? "\(schema)\nIt belongs to \(ownerRole), and \(workerRole) may work with it." : schema
    }
}

extension Shop {
    /// With the articles of the sample catalogue.
    /// - Returns: the names of the migrations applied now.
    @discardableResult
    static func installSamples(in database: Database) async throws -> [String] {
        try await install(try Samples.catalogue(), in: database)
    }
}
