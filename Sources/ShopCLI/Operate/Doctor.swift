import ArgumentParser
import Foundation
import MessageQueue
import Postgres

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Examines schema version, server settings, pooler, clock, loops and log, and says how to mend them.")

    @OptionGroup var log: RetentionOption
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let findings = try await connection.withDatabase {
            try await Examination(database: $0, retention: log.retention).findings()
        }
        try output.show(findings) {
            Table(
                [.text(""), .text("WHAT"), .text("FOUND"), .text("MEND")],
                rows: findings.map { [$0.isHealthy ? "ok" : "BAD", $0.what, $0.found, $0.mend ?? ""] })
        }
        if !findings.allSatisfy(\.isHealthy) { throw ExitCode.failure }
    }
}

/// One thing that was looked at.
struct Finding: Encodable {
    let what: String
    let found: String
    /// What to do about it; nil when it is as it should be.
    let mend: String?
    var isHealthy: Bool { mend == nil }

    init(_ what: String, _ found: String, mend: String? = nil) {
        self.what = what
        self.found = found
        self.mend = mend
    }

    private enum CodingKeys: CodingKey { case what, found, mend }
}
