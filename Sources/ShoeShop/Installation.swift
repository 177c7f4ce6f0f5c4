import MessageQueue
public import Postgres

extension Shop {
    /// Puts into a database what has to be there before the shop opens: the newest schema, queues and topics, and the articles
    /// with their first delivery. Safe to repeat, also by several at once: what is there stays as it is.
    ///
    /// - Returns: the names of the migrations applied now.
    /// - Throws: `Migrator.Problem`, `QueueError` for a queue that can't be changed into the one declared, or `PostgresError`.
    @discardableResult
    public static func install(
        _ catalogue: Catalogue, topology: Topology = .shop, in database: Database
    ) async throws -> [String] {
        let applied = try await Migrator.shop.run(on: database)
        try await Broker(database).declare(topology)
        try await database.write { catalogue.open(in: $0) }
        return applied
    }
}
