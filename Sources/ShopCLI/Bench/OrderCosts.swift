import Benchmarks
import Foundation
import Postgres

/// What the shop's processes and its server have used up so far.
///
/// The difference of two of them, divided by the number of orders between, tells where the time goes.
struct OrderCosts: Sendable {
    /// Seconds of processor time by process; `postgres` stands for all processes of the server.
    private let processor: [String: Double]
    private let server: [String: Double]

    private static let names = [
        "order-api", "order-worker", "stock-worker", "payment-worker", "logistics-worker", "provider-sandbox",
    ]

    static func now(of shop: ShopFolder, _ database: Database) async throws -> OrderCosts {
        var processor = Dictionary(
            uniqueKeysWithValues: try names.map { ($0, ProcessUse.seconds(of: try shop.processID(of: $0))) })
        processor["load"] = own()
        let backends = try await database.query("SELECT pid FROM pg_stat_activity") { try $0[0, as: Int32.self] }
        processor["postgres"] = backends.reduce(0) { $0 + ProcessUse.seconds(of: $1) }
        return OrderCosts(processor: processor, server: try await serverCosts(database))
    }

    /// This process and the load generators that it has awaited.
    private static func own() -> Double {
        var ticks = tms()
        times(&ticks)
        let sum = ticks.tms_utime + ticks.tms_stime + ticks.tms_cutime + ticks.tms_cstime
        return Double(sum) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    private static func serverCosts(_ database: Database) async throws -> [String: Double] {
        let basics = try await database.query(Self.basics) { row in
            [
                "transactions": try row[0, as: Double.self], "bytes of WAL": try row[1, as: Double.self],
                "WAL records": try row[2, as: Double.self],
            ]
        }
        return basics.first ?? [:]
    }

    private static let basics: Statement = """
        SELECT pg_stat_get_db_xact_commit(d.oid)::float8, w.wal_bytes::float8, w.wal_records::float8
        FROM pg_database d, pg_stat_wal w WHERE d.datname = current_database()
        """

    /// Per order, between an earlier moment and this one.
    func readings(since earlier: OrderCosts, perOrderOf count: Int) -> [Reading] {
        func perOrder(_ now: [String: Double], _ before: [String: Double], _ name: String) -> Double {
            (now[name, default: 0] - before[name, default: 0]) / Double(count)
        }
        let all = ["load"] + Self.names + ["postgres"]
        let times = all.map { ($0, perOrder(processor, earlier.processor, $0) * 1_000_000) }
        return [Reading("processor time, all", times.reduce(0) { $0 + $1.1 }, "µs/order")]
            + times.map { Reading("processor time, \($0)", $1, "µs/order") }
            + server.keys.sorted().map { Reading($0, perOrder(server, earlier.server, $0), "per order") }
    }
}

extension ShopFolder {
    /// The number of a running process of this shop.
    func processID(of process: String) throws -> Int32 {
        struct Ready: Decodable { let pid: Int32 }
        let data = try Data(contentsOf: URL(filePath: readyFile(of: process)))
        return try JSONDecoder().decode(Ready.self, from: data).pid
    }
}

/// How the steps took their messages: the queues that every order passes.
enum StepCosts {
    static func readings(_ database: Database, orders count: Int) async throws -> [Reading] {
        try await database.query(Self.steps, count / 2) { row in
            let queue: String = try row[0]
            return [
                Reading("\(queue), messages per claim", try row[1], "messages"),
                Reading("\(queue), waiting", try row[2], "ms"),
                Reading("\(queue), from claim to commit", try row[3], "ms"),
            ]
        }.flatMap(\.self)
    }

    /// Means over all messages of a queue, first attempts. Waiting: from the start of the transaction that sent a message to
    /// the start of the one that claimed it.
    private static let steps: Statement = """
        SELECT q.name, (sum(1) / count(DISTINCT (c.lane, c.last_seq)))::float8,
            (avg(extract(epoch FROM c.claimed_at - m.appended_at)) * 1000)::float8,
            (avg(extract(epoch FROM e.finished_at - c.claimed_at)) * 1000)::float8
        FROM mq.queues q JOIN mq.messages m ON m.queue = q.id AND m.attempt = 1
        JOIN mq.claims c ON c.queue = m.queue AND c.lane = m.lane AND m.seq BETWEEN c.first_seq AND c.last_seq
        JOIN mq.completions e ON e.queue = m.queue AND e.lane = m.lane AND e.seq = m.seq
        GROUP BY q.id, q.name HAVING count(*) > $1 ORDER BY min(m.appended_at)
        """
}
