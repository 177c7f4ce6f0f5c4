import Foundation

/// A private PostgreSQL cluster in a folder: made on first use, reachable over a Unix socket only.
///
/// ```swift
/// let postgres = LocalPostgres(directory: ".shoeshop/postgres")
/// let conninfo = try await postgres.start()   // host='/…/socket' port=5432 dbname='shoeshop' user='shoeshop'
/// try await postgres.stop()
/// ```
///
/// Guarantees: starting twice, also from two processes at once, gives the same server; a start after
/// `kill -9` (of the server, or of a first start half way) recovers; nobody but the owner of the folder, and
/// root, can connect. PostgreSQL refuses to run as root, so for root the server runs (by `setpriv`) as the owner of the
/// folder, for a new folder as `postgres` or `nobody`. Where that account cannot enter the project's folder, the files are kept
/// in `/var/tmp/shoeshop-<hash of the path>` and `directory` becomes a symbolic link to it.
public struct LocalPostgres: Sendable {
    /// What the process table says of the cluster's server.
    public enum Status: Sendable, Equatable {
        case stopped
        case running(processID: Int32)
    }

    let directory: String
    let settings: LocalPostgresSettings

    /// Names the cluster; touches nothing yet.
    public init(directory: String, settings: LocalPostgresSettings = .init()) {
        self.directory = URL(filePath: directory).standardizedFileURL.path
        self.settings = settings
    }

    /// Starts the server, or finds it running, and answers a libpq connection string for it.
    ///
    /// Settings take effect when the server is started, not when it is found running.
    /// - Throws: `LocalPostgresError`.
    public func start() async throws -> String {
        let place = try await ClusterPlace.claimed(for: directory)
        let lock = try await FolderLock.acquire(place.lock)
        let programs = try await ServerPrograms.find(version: place.dataVersion)
        if place.dataVersion == nil {
            try await programs.createCluster(at: place, settings: settings)
        }
        try await programs.startServer(at: place, settings: settings)
        lock.release()
        return place.conninfo(database: settings.database)
    }

    /// Disconnects all clients, stops the server and waits until it has ended. A stopped one stays stopped.
    public func stop() async throws {
        guard let place = try ClusterPlace.existing(for: directory) else { return }
        let lock = try await FolderLock.acquire(place.lock)
        if place.postmaster != nil {
            try await ServerPrograms.find(version: place.dataVersion).stopServer(at: place)
        }
        lock.release()
    }

    /// Whether the server runs, and as which process. (A test that kills the server kills this process.)
    public func status() throws -> Status {
        let postmaster = try ClusterPlace.existing(for: directory)?.postmaster
        return postmaster.map { .running(processID: $0.processID) } ?? .stopped
    }

    /// Has the started server stopped when this process ends, even by `kill -9`.
    ///
    /// - Parameter lock: stays locked until the server has ended, so that a successor does not meet a server that
    ///   is about to go.
    /// - Returns: the watch; tell it to stand down after an orderly `stop()`.
    public func stopWithThisProcess(holding lock: borrowing FolderLock) async throws -> DeathWatch {
        let place = try await ClusterPlace.claimed(for: directory)
        let programs = try await ServerPrograms.find(version: place.dataVersion)
        return try await DeathWatch.start(programs.stopCommand(at: place), as: place.account, holding: lock.descriptor)
    }

    /// Has the server stopped and everything of the cluster deleted when this process ends, even by `kill -9`.
    public func removeWithThisProcess() async throws -> DeathWatch {
        let place = try await ClusterPlace.claimed(for: directory)
        let programs = try await ServerPrograms.find(version: place.dataVersion)
        let script = #""$@"; rm -rf "$0""#
        return try await DeathWatch.start(
            ["/bin/sh", "-c", script, place.home] + programs.stopCommand(at: place), as: place.account, holding: nil)
    }
}
