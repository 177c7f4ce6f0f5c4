public import Foundation
import Postgres

/// A process that receives messages, or did until it was lost and nobody has noticed yet.
public struct ConsumerEntry: Sendable, Codable {
    /// Its number, as in claims and traces.
    public let id: Int64
    /// The name of the worker.
    public let name: String
    /// The machine it runs on.
    public let host: String
    /// Its process there.
    public let pid: Int
    /// Of the program, as it says itself, see ``WorkerOptions/version``.
    public let version: String
    /// When it registered, by the database's clock.
    public let startedAt: Date
    /// Seconds since it last gave a sign of life.
    public let silence: Double
    /// The queues of which it claims nothing because a third party is down, with what that said; as of its last sign of life.
    public let breakers: [String: String]
}

extension Broker {
    /// The consumers that are thought to live, by name.
    public func consumers() async throws -> [ConsumerEntry] {
        try await database.query(Self.consumers) { row in
            ConsumerEntry(
                id: try row[0], name: try row[1], host: try row[2], pid: try row[3],
                version: try row[6], startedAt: try row[4], silence: try row[5],
                breakers: Payloads.decode(headers: try row[7]))
        }
    }

    static let consumers: Statement = """
        SELECT id, name, host, pid, started_at, extract(epoch FROM now() - heartbeat_at)::float8, version, breakers
        FROM mq.consumers
        WHERE ended_at IS NULL ORDER BY name, id
        """
}
