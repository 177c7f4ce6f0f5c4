import Durations
import Foundation
import Postgres
import ShoeShop

/// Expectations that the database answers, with the orders that speak against them.
struct Findings: Sendable {
    let database: Database

    private static let mostOrders: Int32 = 10

    /// Whether every order that was accepted before a moment had its end so long after it.
    func recovered(from end: Date, within limit: Duration) async throws -> Finding {
        try await ends("every order recovered within \(limit.text) of the last event", of: end, limit)
    }

    /// Whether every order had its end so long after it was accepted.
    func finished(within limit: Duration) async throws -> Finding {
        try await ends("every order finished within \(limit.text)", of: nil, limit)
    }

    private func ends(_ expectation: String, of end: Date?, _ limit: Duration) async throws -> Finding {
        let row = try await database.query(Self.ends, end, limit.inSeconds, Self.mostOrders) { row in
            (
                unfinished: try row[0, as: Int.self], slowest: try row[1, as: Double?.self],
                late: try row[2, as: [OrderID].self]
            )
        }.first
        let slowest = max(0, row?.slowest ?? 0)
        let unfinished = row?.unfinished ?? 0
        return Finding(
            expectation: expectation,
            holds: unfinished == 0 && slowest <= limit.inSeconds,
            found: unfinished > 0 ? "\(unfinished) never" : slowest.spanText,
            orders: (row?.late ?? []).map(\.description))
    }

    func attempts(atMost most: Int) async throws -> Finding {
        let row = try await database.query(Self.attempts, Int32(most), Self.mostOrders) { row in
            (highest: try row[0, as: Int.self], keys: try row[1, as: [String].self])
        }.first
        let highest = row?.highest ?? 0
        return Finding(
            expectation: "at most \(most) attempts of any message", holds: highest <= most, found: "\(highest)",
            orders: row?.keys ?? [])
    }

    func dead(in range: ClosedRange<Int>) async throws -> Finding {
        let row = try await database.query(Self.dead, Self.mostOrders) { row in
            (count: try row[0, as: Int.self], keys: try row[1, as: [String].self])
        }.first
        let count = row?.count ?? 0
        let expected = Expectations.Amount(
            range: Double(range.lowerBound)...Double(range.upperBound), unit: .orders)
        return Finding(
            expectation: "dead letters: \(range == 0...0 ? "none" : expected.storyText)",
            holds: range.contains(count), found: "\(count)", orders: range.contains(count) ? [] : row?.keys ?? [])
    }

    /// An order has ended with the last of its milestones, a refund included. Counted from one moment for those accepted before
    /// it; without one, for each from when it was accepted.
    private static let ends: Statement = """
        WITH ended AS (
            SELECT o.id, o.status IN ('dispatched', 'rejected', 'cancelled') AS is_finished,
                extract(epoch FROM max(e.at) - coalesce($1, o.placed_at))::float8 AS seconds
            FROM orders.orders AS o LEFT JOIN orders.events AS e ON e.order_id = o.id
            WHERE o.placed_at <= $1 OR $1 IS NULL GROUP BY o.id, o.status, o.placed_at
        )
        SELECT count(*) FILTER (WHERE NOT is_finished), max(seconds) FILTER (WHERE is_finished), ARRAY(
            SELECT id FROM ended WHERE NOT is_finished OR seconds > $2 ORDER BY is_finished, seconds DESC LIMIT $3)
        FROM ended
        """
    private static let attempts: Statement = """
        SELECT coalesce(max(attempt), 0)::int8, ARRAY(
            SELECT DISTINCT key FROM mq.messages WHERE attempt > $1 AND key IS NOT NULL LIMIT $2)
        FROM mq.messages
        """
    private static let dead: Statement = """
        SELECT count(*), ARRAY(SELECT DISTINCT key FROM mq.dead_letters WHERE key IS NOT NULL LIMIT $1) FROM mq.dead_letters
        """
}
