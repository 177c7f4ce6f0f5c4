import MessageQueue
import Postgres

/// How much a message adds to the write-ahead log: what archives and replicas have to carry.
public struct WALBenchmark: Benchmark {
    public let name = "wal"
    public let about = "Write-ahead log of a message of 200 bytes; floor: of a bare INSERT of the same row and indexes"

    /// How many messages travel in a transaction of their sender; the worker takes what is there.
    private static let batches = [1, 100]

    public init() {}

    public func run(in lab: Lab) async throws -> [Reading] {
        var readings: [Reading] = []
        for batch in Self.batches {
            let count = lab.size(200 * max(batch, 50), smoke: 200)
            await lab.say("\(count) messages, \(batch) a transaction")
            readings += try await lab.withDatabase { try await measure(count, batch: batch, on: $0, in: lab) }
        }
        return readings
    }

    private func measure(_ count: Int, batch: Int, on database: Database, in lab: Lab) async throws -> [Reading] {
        let broker = Broker(database)
        try await broker.declare(queue: Workload.queue.name)
        try await BareLog.create(in: database)
        // Each page is logged whole once after a checkpoint, and that is nobody's own.
        let floor = try await bytes(of: count, in: database) {
            _ = try await BareLog.fill(count, batch: batch, threads: 1, on: database.conninfo)
        }
        let stored = try await bytes(of: count, in: database) {
            for size in Workload.shares(of: count, each: batch) {
                try await broker.send(Workload.messages(size), to: Workload.queue)
            }
        }
        let handled = try await bytes(of: count, in: database) {
            _ = try await DrainBenchmark.drain(count, of: broker, in: lab)
        }
        let name = "\(batch) a transaction"
        return [
            Reading("WAL of a message, stored, \(name)", stored, "bytes", floor: floor),
            Reading("WAL of a message, handled, \(name)", handled, "bytes"),
            Reading("WAL of a message through its life, \(name)", stored + handled, "bytes", floor: floor),
        ]
    }

    private func bytes(of count: Int, in database: Database, _ work: () async throws -> Void) async throws -> Double {
        let before = try await position(in: database)
        try await work()
        return Double(try await position(in: database) - before) / Double(count)
    }

    private func position(in database: Database) async throws -> Int {
        try await database.query("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint") {
            try $0[0, as: Int.self]
        }.first ?? 0
    }
}
