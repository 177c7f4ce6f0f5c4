public import Logging

extension Database {
    /// Opens a pool, lends it to `body`, and closes it when that returns or throws.
    public static func open<T: Sendable>(
        _ conninfo: String, options: DatabaseOptions = .init(), logger: Logger = Logger(label: "postgres"),
        _ body: (Database) async throws -> T
    ) async throws -> T {
        let database = Database(conninfo, options: options, logger: logger)
        do {
            let value = try await body(database)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }
}
