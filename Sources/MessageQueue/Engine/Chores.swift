import Durations
public import Foundation
import Logging
import Metrics
import Postgres

/// Something that workers do now and then for everybody, and how it went.
public struct ChoreEntry: Sendable, Codable {
    /// What it does, such as `drop segments`.
    public let name: String
    /// When it went well last; nil when it never did.
    public let doneAt: Date?
    /// How long, in seconds of the database's clock, it has failed each time; nil while it goes well.
    public let failingFor: Double?
    /// Why it failed last.
    public let error: String?
}

extension Broker {
    /// The chores of the upkeep that were ever tried, by name, whoever tried them.
    public func chores() async throws -> [ChoreEntry] {
        try await database.read(Self.listChores) { row in
            ChoreEntry(name: try row[0], doneAt: try row[1], failingFor: try row[2], error: try row[3])
        }
    }

    /// The chores that have failed each time, in every worker, for so long.
    public func neglectedChores(after limit: Duration = .seconds(3600)) async throws -> [ChoreEntry] {
        try await chores().filter { ($0.failingFor ?? 0) > limit.inSeconds }
    }

    /// Does a chore, and makes known how it went: to metrics, and to whoever asks the database.
    ///
    /// - Throws: what `action` threw, or the error of noting that it went well. Who is cancelled is told so by `CancellationError`, and has
    ///   not failed.
    package func attempt(chore: String, _ action: @Sendable () async throws -> Void) async throws {
        do { try await tellingCancellation(action) } catch {
            if !(error is CancellationError), !Task.isCancelled { await note(error, of: chore) }
            throw error
        }
        Metric.choreDone.gauge(chore).record(Wall.now)
        try await noteDone(chore)
    }

    private func note(_ error: any Error, of chore: String) async {
        Metric.choreFailures.counter(chore).increment()
        do { try await noteFailed(chore, error: "\(error)") } catch {
            // The database is away, which is told by everything else, too.
            logger.debug("a failure was not noted", metadata: ["chore": "\(chore)", "error": "\(error)"])
        }
    }

    /// Notes that a chore went well, but for when that has been noted a moment ago.
    func noteDone(_ chore: String) async throws { try await database.execute(Self.choreDone, chore) }

    func noteFailed(_ chore: String, error: String) async throws {
        try await database.execute(Self.choreFailed, chore, error.storable(upTo: Self.longestError))
    }

    private static let longestError = 1000

    static let listChores: Statement = """
        SELECT name, done_at, extract(epoch FROM now() - failing_since)::float8, error FROM mq.chores ORDER BY name
        """
    static let choreDone: Statement = """
        INSERT INTO mq.chores AS c (name, done_at) VALUES ($1, now())
        ON CONFLICT (name) DO UPDATE SET (done_at, failing_since, error) = (excluded.done_at, NULL, NULL)
        WHERE c.failing_since IS NOT NULL OR c.done_at < now() - interval '10 seconds'
        """
    static let choreFailed: Statement = """
        INSERT INTO mq.chores AS c (name, failing_since, error) VALUES ($1, now(), $2)
        ON CONFLICT (name) DO UPDATE SET failing_since = coalesce(c.failing_since, now()), error = excluded.error
        """
}
