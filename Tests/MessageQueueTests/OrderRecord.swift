import Postgres

@testable import MessageQueue

/// Writes down in which order shoes were handled, per key, in the transaction that handles them.
struct Record: Step {
    let queue = Queue<Shoe>("shoes")
    var options = StepOptions(batch: 20, concurrency: 2)
    var inspect: @Sendable ([Delivery<Shoe>]) throws -> Void = { _ in }

    func commit(_ batch: [Delivery<Shoe>], in session: borrowing Session) throws {
        session.pipeline(
            "INSERT INTO record (key, size) SELECT * FROM unnest($1::text[], $2::int[])", batch.map { $0.key ?? "" },
            batch.map { Int32($0.payload.size) })
        try inspect(batch)
    }
}

struct PreparedRecord: PreparingStep {
    let queue = Queue<Shoe>("shoes")
    var options = StepOptions(batch: 20, concurrency: 16)
    let work: @Sendable (Delivery<Shoe>) async throws -> Void

    func prepare(_ delivery: Delivery<Shoe>) async throws -> Int32 {
        try await work(delivery)
        return Int32(delivery.payload.size)
    }

    func commit(_ batch: [PreparedDelivery<Shoe, Int32>], in session: borrowing Session) throws {
        session.pipeline(
            "INSERT INTO record (key, size) SELECT * FROM unnest($1::text[], $2::int[])",
            batch.map { $0.delivery.key ?? "" },
            batch.map(\.prepared))
    }
}

struct Misfit: StepFailure {
    var disposition: Disposition = .retry
}

extension Bench {
    func createRecord() async throws {
        try await database.script("CREATE TABLE record (n int GENERATED ALWAYS AS IDENTITY, key text, size int)")
    }

    /// Sends `count` shoes to each key, in rounds, so that keys are mixed.
    func send(_ count: Int, toEach keys: [String], from first: Int = 0) async throws {
        for size in first..<first + count {
            try await broker.send(keys.map { Outgoing(Shoe(size: size), key: $0) }, to: shoes)
        }
    }

    /// Per key, the sizes in the order in which they were handled.
    func record() async throws -> [String: [Int]] {
        let rows = try await database.query("SELECT key, size FROM record ORDER BY n") {
            (try $0[0, as: String.self], try $0[1, as: Int.self])
        }
        return Dictionary(grouping: rows, by: \.0).mapValues { $0.map(\.1) }
    }

    func recorded() async throws -> Int { try await number("SELECT count(*) FROM record") }
}
