import Foundation
public import Postgres
import Subprocess

/// A migration's file as an administrator applies it, by hand.
public enum Psql {
    public struct Refused: Error, CustomStringConvertible {
        public let description: String
    }

    /// - Parameter file: its path in the folder of migrations.
    /// - Throws: ``Refused`` with what psql said.
    public static func apply(_ file: String, to database: Database) async throws {
        let result = try await run(
            .name("psql"),
            arguments: [
                "--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1", "--dbname",
                database.conninfo,
                "--file", "\(migrations)/\(file)",
            ],
            output: .string(limit: 1 << 20), error: .combinedWithOutput)
        guard result.terminationStatus.isSuccess else { throw Refused(description: result.standardOutput) }
    }

    /// Beside the folder of tests.
    private static var migrations: String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Migrations").standardized.path
    }
}
