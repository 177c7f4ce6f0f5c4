import Foundation
import MessageQueue
import Postgres

/// A table like a segment of the engine's log, filled by bare INSERTs: the work that storing a message can't avoid.
enum BareLog {
    /// The engine's own table, copied with its keys and indexes, and vacuumed as little.
    static func create(in database: some DatabaseAccess) async throws {
        try await database.script(
            """
            CREATE SCHEMA IF NOT EXISTS bench;
            CREATE TABLE bench.log (LIKE mq.messages_1 INCLUDING ALL) WITH (autovacuum_enabled = false)
            """)
    }

    /// Stores `count` rows, `batch` a transaction, on `threads` threads of bare libpq; answers rows per second.
    ///
    /// - Parameter distinct: keeps several fillings of the same table apart.
    static func fill(
        _ count: Int, batch: Int, threads: Int, on conninfo: String, distinct: Int = 0
    ) async throws -> Double {
        let shares = Workload.shares(of: count, among: threads)
        let body = Bytes(Array("\"\(Workload.payload)\"".utf8))
        let types = values(lane: 0, from: 0, ids: [UUID()], body).types
        let seconds = try await BareThreads.run(
            threads, on: conninfo, prepare: { try $0.prepare("insert", insert, types: types) }
        ) { number, connection in
            var seq = Int64(distinct) << 32
            for size in Workload.shares(of: shares[number], each: batch) {
                let ids = (0..<size).map { _ in MessageID().uuid }
                try connection.execute(
                    prepared: "insert", values(lane: Int16(number), from: seq, ids: ids, body))
                seq += Int64(size)
            }
        }
        return Double(count) / seconds
    }

    private static func values(lane: Int16, from seq: Int64, ids: [UUID], _ body: Bytes) -> BareValues {
        BareValues(lane, seq, ids, ids.map { _ in body })
    }

    private static let insert = """
        INSERT INTO bench.log (seq, queue, lane, attempt, id, sent_at, topic, key, tag, headers, body)
        SELECT $2 + m.n, 1, $1, 1, m.id, now(), NULL, NULL, NULL, NULL, m.body
        FROM unnest($3::uuid[], $4::bytea[]) WITH ORDINALITY AS m(id, body, n)
        """
}
