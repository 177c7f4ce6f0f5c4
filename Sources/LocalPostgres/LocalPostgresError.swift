/// Why a private cluster could not be used, with the mend.
public struct LocalPostgresError: Error, CustomStringConvertible, Equatable {
    /// The closed list of reasons.
    public enum Reason: Sendable, Equatable {
        /// No `initdb`, `pg_ctl` and `postgres` of a fitting version were found.
        case serverNotInstalled
        /// The process runs as root, and no other account exists to run the server.
        case noAccount
        /// A folder that would be used belongs to somebody else.
        case folderNotOurs
        /// One of PostgreSQL's programs failed, or did not finish in time.
        case programFailed
    }

    public let reason: Reason
    /// What is wrong and how to mend it, in whole sentences.
    public let description: String

    init(_ reason: Reason, _ description: String) {
        self.reason = reason
        self.description = description
    }
}
