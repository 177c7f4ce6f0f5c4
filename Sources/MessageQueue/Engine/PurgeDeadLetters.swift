import Postgres

extension Broker {
    /// Deletes dead letters for ever. Guarantee: as with ``redrive(_:rate:onBegin:)``; each one is counted as purged.
    public func purge(
        _ filter: DeadLetterFilter = .init(), onBegin: (@Sendable (Int64) -> Void)? = nil
    ) async throws -> RedriveReport {
        try await walk(filter, rate: nil, Deed(.purge, filter.queue, filter.detail), onBegin) { tickets, _, session in
            try session.execute(Self.purge, tickets)
        }
    }

    static let purge: Statement = """
        WITH gone AS (DELETE FROM mq.dead_letters WHERE ticket = ANY ($1) RETURNING queue),
        counted AS (INSERT INTO mq.tallies (queue, kind, change) SELECT queue, 'p', count(*) FROM gone GROUP BY queue)
        SELECT 1 FROM gone
        """
}
