package import Foundation
import Postgres

/// A process that serves, such as an API, a gateway or a desk, as it has noted itself for people. Nothing is decided by
/// it.
package struct ProcessEntry: Sendable, Codable {
    package let name: String
    /// The machine it runs on.
    package let host: String
    /// Its process there.
    package let pid: Int
    package let version: String
    /// Where it listens, as it says itself.
    package let address: String
    /// By the database's clock.
    package let startedAt: Date
    /// Seconds since it last gave a sign of life.
    package let silence: Double
    /// What keeps it from being ready, as of its last sign of life.
    package let troubles: [String: String]
}

/// Which process it is, from its start on.
struct ProcessIdentity: Sendable {
    let id = UUID()
    let name: String
    let began = ContinuousClock.now
}

extension Broker {
    /// The processes that have noted themselves, by name. Who has been silent for ten minutes is forgotten by others.
    package func processes() async throws -> [ProcessEntry] {
        try await database.read(Self.listProcesses, within: Self.longestNote) { row in
            ProcessEntry(
                name: try row[0], host: try row[1], pid: try row[2], version: try row[3], address: try row[4],
                startedAt: try row[5], silence: try row[6], troubles: Payloads.decode(headers: try row[7]))
        }
    }

    /// Gives a sign of life. Waits for no standby: the next one makes up for one that is lost.
    func note(process: ProcessIdentity, at address: String, troubles: [String: String]) async throws {
        let (host, pid) = (ProcessInfo.processInfo.hostName, ProcessInfo.processInfo.processIdentifier)
        let told = try Payloads.encode(headers: troubles.mapValues { $0.storable(upTo: Self.longestTrouble) })
        let seconds = process.began.secondsUntilNow
        try await database.write(within: Self.longestNote) { session in
            let isReadOnly = try session.query(Self.beginNote) { try $0[1, as: Bool.self] }
            // Such a server is left by the session that it refuses: not for a note.
            guard isReadOnly == [false] else { return }
            session.pipeline(Self.forgetSilent)
            session.pipeline(
                Self.noteProcess, process.id, process.name, host, pid, Self.libraryVersion, address, told, seconds)
        }
    }

    /// Its goodbye.
    func forget(process: ProcessIdentity) async throws {
        try await database.execute(Self.forgetProcess, process.id, within: .seconds(1))
    }

    private static let longestNote = Duration.seconds(5)
    private static let longestTrouble = 500

    static let listProcesses: Statement = """
        SELECT name, host, pid, version, address, started_at, extract(epoch FROM now() - heartbeat_at)::float8, troubles
        FROM mq.processes ORDER BY name, host, pid
        """
    static let beginNote: Statement = """
        SELECT set_config('synchronous_commit', 'off', true), current_setting('transaction_read_only')::bool
        """
    static let noteProcess: Statement = """
        INSERT INTO mq.processes (id, name, host, pid, version, address, troubles, started_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, now() - make_interval(secs => $8))
        ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, troubles = excluded.troubles
        """
    static let forgetProcess: Statement = "DELETE FROM mq.processes WHERE id = $1"
    static let forgetSilent: Statement = "DELETE FROM mq.processes WHERE heartbeat_at < now() - interval '10 minutes'"
}
