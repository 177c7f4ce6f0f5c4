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
    /// How long, in seconds of the database's clock, it could not be done since somebody holds a lock that it needs, which is no
    /// failure; nil while it goes well.
    public let waitingFor: Double?
    /// Why it failed, or waited, last.
    public let error: String?
}

extension Broker {
    /// The chores of the upkeep that were ever tried, by name, whoever tried them.
    public func chores() async throws -> [ChoreEntry] {
        try await database.read(Self.listChores) { row in
            ChoreEntry(
                name: try row[0], doneAt: try row[1], failingFor: try row[2], waitingFor: try row[3], error: try row[4])
        }
    }

    /// The chores that have failed each time, in every worker, for so long.
    public func neglectedChores(after limit: Duration = .seconds(3600)) async throws -> [ChoreEntry] {
        try await chores().filter { ($0.failingFor ?? 0) > limit.inSeconds }
    }

    /// The chores that somebody's lock has kept from being done for so long, each time; see ``lockHolders()``.
    ///
    /// Nothing is wrong with them, nor with who does them: all that is late is what they would have done.
    public func postponedChores(after limit: Duration = .seconds(3600)) async throws -> [ChoreEntry] {
        try await chores().filter { ($0.waitingFor ?? 0) > limit.inSeconds }
    }

    /// Does a chore, and makes known how it went: to metrics, and to whoever asks the database. One that only waits for a lock is
    /// postponed until the next time.
    ///
    /// - Throws: what `action` threw, or the error of noting that it went well. Who is cancelled is told so by `CancellationError`, and has
    ///   not failed.
    package func attempt(chore: String, _ action: @Sendable () async throws -> Void) async throws {
        // There from the first try, so that its first increase is seen.
        let postponements = Metric.chorePostponed.counter(chore)
        do { try await tellingCancellation(action) } catch let error as PostgresError where error.isLockTimeout {
            postponements.increment()
            return await note(waiting: error, of: chore)
        } catch {
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

    private func note(waiting error: PostgresError, of chore: String) async {
        let facts: Logger.Metadata = ["chore": "\(chore)", "error": "\(error)"]
        logger.info("a chore is postponed, since somebody holds a lock that it needs", metadata: facts)
        do { try await noteWaiting(chore, error: "\(error)") } catch {
            logger.debug("a postponement was not noted", metadata: ["chore": "\(chore)", "error": "\(error)"])
        }
    }

    /// Notes that a chore went well, but for when that has been noted a moment ago.
    func noteDone(_ chore: String) async throws { try await database.execute(Self.choreDone, chore) }

    func noteFailed(_ chore: String, error: String) async throws {
        try await database.execute(Self.choreFailed, chore, error.storable(upTo: Self.longestError))
    }

    func noteWaiting(_ chore: String, error: String) async throws {
        try await database.execute(Self.choreWaiting, chore, error.storable(upTo: Self.longestError))
    }

    private static let longestError = 1000

    static let listChores: Statement = """
        SELECT name, done_at, extract(epoch FROM now() - failing_since)::float8,
            extract(epoch FROM now() - waiting_since)::float8, error
        FROM mq.chores ORDER BY name
        """
    static let choreDone: Statement = """
        INSERT INTO mq.chores AS c (name, done_at) VALUES ($1, now())
        ON CONFLICT (name) DO UPDATE SET (done_at, failing_since, waiting_since, error) = (excluded.done_at, NULL, NULL, NULL)
        WHERE c.failing_since IS NOT NULL OR c.waiting_since IS NOT NULL OR c.done_at IS NULL
            OR c.done_at < now() - interval '10 seconds'
        """
    static let choreFailed: Statement = """
        INSERT INTO mq.chores AS c (name, failing_since, error) VALUES ($1, now(), $2)
        ON CONFLICT (name) DO UPDATE SET failing_since = coalesce(c.failing_since, now()), error = excluded.error
        """
    static let choreWaiting: Statement = """
        INSERT INTO mq.chores AS c (name, waiting_since, error) VALUES ($1, now(), $2)
        ON CONFLICT (name) DO UPDATE SET (failing_since, waiting_since, error)
            = (NULL, coalesce(c.waiting_since, now()), excluded.error)
        """
}

extension PostgresError {
    /// Somebody held a lock for longer than was to be waited for it.
    fileprivate var isLockTimeout: Bool { kind == .server && sqlState == "55P03" }
}
