import Foundation
import LocalPostgres
import Postgres
import Synchronization

/// The private PostgreSQL of one run, which the scenario's faults may kill, starve and fill.
///
/// It lies in a folder of its own and is removed with this process, however that ends.
final class ScenarioServer: Sendable {
    private let folder: String
    private let diskLimit: Int?
    private let settings: LocalPostgresSettings
    private let postgres: LocalPostgres
    private let state = Mutex(State())

    private struct State: ~Copyable {
        var conninfo = ""
        var socketPath = ""
        var disk: LimitedDisk?
        var watch: DeathWatch?
    }

    private static let limit = Duration.seconds(60)

    /// Names the server; touches nothing yet.
    ///
    /// - Parameters:
    ///   - folder: must not exist yet.
    ///   - diskLimit: bytes of a file system of its own, for ``DatabaseFault/full``. 256 MiB is enough for a small shop.
    init(folder: String, settings: LocalPostgresSettings = .init(), diskLimit: Int? = nil) {
        var settings = settings
        if let diskLimit { settings.maxWALMegabytes = min(settings.maxWALMegabytes, max(32, diskLimit >> 22)) }
        self.folder = folder
        self.diskLimit = diskLimit
        self.settings = settings
        postgres = LocalPostgres(directory: folder, settings: settings)
    }

    /// Of the shop's database, over the server's Unix socket; valid once it was started, and the same from then on.
    var conninfo: String { state.withLock { $0.conninfo } }

    /// Of another database on this server.
    func conninfo(of database: String) -> String { conninfo + " dbname='\(database)'" }

    /// The shop's database, by its name.
    var database: String { settings.database }

    /// Where a ``Proxy`` finds the server, once it was started.
    var socket: Proxy.Target { .unixSocket(path: state.withLock { $0.socketPath }) }

    /// For a process that is to reach the server through a proxy.
    func conninfo(through proxy: Proxy) -> String {
        // Of a key that is given twice, libpq takes the second.
        conninfo + " host='127.0.0.1' port=\(proxy.port) sslmode=disable gssencmode=disable"
    }

    /// Nil unless the server was made with a limit, and started.
    var disk: LimitedDisk? { state.withLock { $0.disk } }

    /// Nil while the server is down.
    var postmaster: Int32? {
        guard case .running(let processID) = try? postgres.status() else { return nil }
        return processID
    }
}

// MARK: - Life
extension ScenarioServer {
    /// Makes the cluster when it is not there yet, and starts the server unless it runs.
    ///
    /// It accepts connections when this returns: after a crash, when it has recovered.
    /// - Throws: ``ScenarioError``; `notPossibleHere` where a limited disk can't be made, see ``LimitedDisk/isPossible``.
    func start() async throws {
        let isFirst = conninfo.isEmpty
        if isFirst { try await prepare() }
        let deadline = ContinuousClock.now + Self.limit
        while true {
            do { return try await launch() } catch {
                guard !isFirst, ContinuousClock.now < deadline else {
                    throw ScenarioError(.serverFailed, "PostgreSQL is not ready: \(error)")
                }
            }
            // A server that recovers, or is about to give up, is nobody's child here: there is no event to await.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func prepare() async throws {
        if let diskLimit {
            let disk = try await LimitedDisk.mounted(at: folder, bytes: diskLimit)
            state.withLock { $0.disk = disk }
        }
        do {
            var watch: DeathWatch? = try await postgres.removeWithThisProcess()
            state.withLock { $0.watch = watch.take() }
        } catch {
            throw ScenarioError(.serverFailed, "PostgreSQL can't be started here: \(error)")
        }
    }

    private func launch() async throws {
        let conninfo = try await postgres.start()
        let socket = try await withSession(conninfo, named: "ready") { session in
            try await session.query(
                "SELECT current_setting('unix_socket_directories') || '/.s.PGSQL.' || current_setting('port')"
            ) { try $0[0, as: String.self] }
        }
        state.withLock {
            $0.conninfo = conninfo
            $0.socketPath = socket.first ?? ""
        }
    }

    /// Ends all connections and shuts the server down in good order. It can be started again.
    func shutDown() async throws {
        do { try await postgres.stop() } catch {
            throw ScenarioError(.serverFailed, "PostgreSQL did not stop: \(error)")
        }
    }

    /// `kill -9` of the postmaster and all of its children; the postmaster is gone when this returns.
    func kill() async throws {
        guard let postmaster else { return }
        try await ServerProcesses(of: postmaster).kill()
        let deadline = ContinuousClock.now + .seconds(10)
        while self.postmaster != nil {
            guard ContinuousClock.now < deadline else {
                throw ScenarioError(.faultFailed, "PostgreSQL (process \(postmaster)) survived kill -9")
            }
            // They are nobody's children here either.
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Shuts the server down and deletes everything of it.
    func stop() async throws {
        try await shutDown()
        let home = URL(filePath: folder).resolvingSymlinksInPath().path
        let socketPath = state.withLock { $0.socketPath }
        try await disk?.unmount()
        // Some of them lie within others; what is not there needs no removal.
        for path in [home, folder, URL(filePath: socketPath).deletingLastPathComponent().path] {
            try? FileManager.default.removeItem(atPath: path)
        }
        let watch = state.withLock { $0.watch.take() }
        try watch?.standDown()
    }
}

// MARK: - Sessions of the faults' own
extension ScenarioServer {
    private static let prefix = "scenario-"

    /// Opens a connection to the shop's database that no other fault ends or limits.
    func session(named name: String) async throws -> Connection {
        try await session(conninfo, named: name)
    }

    /// Lends such a connection; waits for a server that another fault holds down, but no longer than a minute.
    func withSession<T: Sendable>(
        named name: String, in database: String? = nil, _ body: (Connection) async throws -> T
    ) async throws -> T {
        let deadline = ContinuousClock.now + Self.limit
        while true {
            let address = database.map(conninfo(of:)) ?? conninfo
            do { return try await withSession(address, named: name, body) } catch let error as PostgresError {
                guard error.kind == .connectionFailed, ContinuousClock.now < deadline else { throw error }
            }
            // Nobody tells when a server accepts connections.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func withSession<T: Sendable>(
        _ conninfo: String, named name: String, _ body: (Connection) async throws -> T
    ) async throws -> T {
        let session = try await session(conninfo, named: name)
        do {
            let value = try await body(session)
            await session.close()
            return value
        } catch {
            await session.close()
            throw error
        }
    }

    private func session(_ conninfo: String, named name: String) async throws -> Connection {
        var options = ConnectionOptions()
        options.applicationName = Self.prefix + name
        // Sessions are held open here on purpose.
        options.settings = []
        options.silenceLimit = .seconds(60)
        // A setting that the client brings along comes before one of the database.
        return try await Connection.open(conninfo + " options='-c statement_timeout=0'", options: options)
    }

    /// Ends all client backends but those of faults, and returns when they have ended.
    func terminateBackends(by session: Connection) async throws {
        let victims = try await session.query(Self.terminate, Self.prefix) { try $0[0, as: Int32.self] }
        let deadline = ContinuousClock.now + .seconds(10)
        while try await session.query(Self.living, victims, row: { try $0[0, as: Int.self] }).first != 0 {
            guard ContinuousClock.now < deadline else {
                throw ScenarioError(.faultFailed, "not all backends ended when they were told to")
            }
            // The server does not tell when a backend has ended.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private static let terminate: Statement = """
        SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            AND NOT starts_with(application_name, $1) AND pg_terminate_backend(pid)
        """
    private static let living: Statement = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1)"
}
