import ArgumentParser
import Foundation
import Logging
import MessageQueue
import Postgres

/// Which shop is meant: the one that `shoeshop up` runs from this folder, unless the options say otherwise.
struct DatabaseOption: ParsableArguments {
    @Option(help: "A libpq connection string. Default: DATABASE_URL, else the running shop of --folder.")
    var databaseURL: String?

    @Option(help: "The same database past a pooler. Default: DIRECT_DATABASE_URL, else none.")
    var directDatabaseURL: String?

    @OptionGroup var folder: FolderOption

    /// - Throws: `ValidationError` when there is neither an option, a variable nor a running shop, or when libpq would refuse it.
    func conninfo() throws -> String {
        if let given = databaseURL ?? ProcessInfo.processInfo.environment["DATABASE_URL"] { return try checked(given) }
        return try folder.shop.runningAddresses().database
    }

    /// Lends a small pool to `body`, and closes it. What it changes is recorded as done by whoever is logged in here.
    func withDatabase<T: Sendable>(_ body: (Database) async throws -> T) async throws -> T {
        let direct = try (directDatabaseURL ?? ProcessInfo.processInfo.environment["DIRECT_DATABASE_URL"]).map(checked)
        return try await Operator(NSUserName(), via: "shoeshop").act {
            try await Database.lend(conninfo(), direct: direct, body)
        }
    }
}

/// A connection string that somebody gave us.
///
/// - Throws: `ValidationError`, without the string, which may hold a password.
func checked(_ conninfo: String) throws -> String {
    do throws(PostgresError) { _ = try Conninfo(conninfo) } catch { throw ValidationError(error.message) }
    return conninfo
}

struct FolderOption: ParsableArguments {
    @Option(name: .customLong("folder"), help: "The folder of the private shop.")
    var path = ".shoeshop"

    var shop: ShopFolder { ShopFolder(path) }
}

extension Database {
    /// Lends a pool that suits a command line, see ``open(_:options:logger:_:)``.
    static func lend<T: Sendable>(
        _ conninfo: String, direct: String? = nil, _ body: (Database) async throws -> T
    ) async throws -> T {
        var options = DatabaseOptions()
        options.directConninfo = direct
        options.connectionLimit = 2
        // An operator may ask for much, and wants to be told when nothing comes.
        options.connection.silenceLimit = .seconds(30)
        var logger = Logger(label: "shoeshop")
        logger.logLevel = .error
        return try await open(conninfo, options: options, logger: logger, body)
    }
}
