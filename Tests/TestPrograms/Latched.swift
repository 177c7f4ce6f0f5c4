import MessageQueue
import Postgres

/// Has a message in flight until somebody lets go of the advisory lock 77.
struct Latched: PreparingStep {
    struct Shoe: Codable, Sendable { let size: Int }

    let queue = Queue<Shoe>("shoes")
    let database: Database

    func prepare(_ delivery: Delivery<Shoe>) async throws -> Int32 {
        try await database.execute("SELECT pg_advisory_xact_lock(77)")
        return Int32(delivery.payload.size)
    }

    func commit(_ batch: [PreparedDelivery<Shoe, Int32>], in session: borrowing Session) throws {
        session.pipeline("INSERT INTO effect SELECT unnest($1::int[])", batch.map(\.prepared))
    }
}

func work(_ database: Database) async throws {
    try await Worker("program", broker: Broker(database), steps: [Latched(database: database)]).runService()
}
