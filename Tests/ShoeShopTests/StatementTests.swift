import Foundation
import MessageQueue
import Postgres
import TestSupport
import Testing

@testable import ShoeShop

@Suite("The shop's SQL")
struct StatementTests {
    @Test("every statement in the sources can be prepared against the migrated schema")
    func prepared() async throws {
        let statements = try Self.statements()
        #expect(statements.count > 35)
        try await TestDatabase.with(.openShop) { database in
            for (place, sql) in statements {
                // Only queries can be prepared; settings are run.
                let script = sql.hasPrefix("SET ") ? "BEGIN; \(sql); ROLLBACK" : "PREPARE one AS \(sql); DEALLOCATE one"
                await #expect(throws: Never.self, "\(place): \(sql)") { try await database.script(script) }
            }
        }
    }

    @Test(
        "the statements of the hot path walk an index, however many orders there are and whatever the statistics say",
        arguments: [
            (
                """
                SELECT id, status, rejection, refunded_at, status = 'cancelled' AND EXISTS (
                            SELECT FROM orders.events AS e WHERE e.order_id = o.id AND e.milestone = 'paid')
                        FROM orders.orders AS o WHERE id = ANY($1) ORDER BY id FOR UPDATE
                """, "uuid[]"
            ),
            (
                """
                SELECT order_id, cancel_asked_at IS NOT NULL FROM payment.calls
                                WHERE order_id = ANY($1) ORDER BY order_id FOR SHARE
                """, "uuid[]"
            ),
            (
                "SELECT order_id, charge_id, amount_cents FROM payment.charges WHERE order_id = ANY($1) AND status = 'charged'",
                "uuid[]"
            ),
            ("SELECT order_id, state, refusal, decided_at FROM stock.reservations WHERE order_id = ANY($1)", "uuid[]"),
            (
                """
                SELECT c.id, k.order_id, k.body_hash = sha256(c.body)
                        FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS c (key, body, id) JOIN orders.idempotency_keys AS k USING (key)
                """, "text[], bytea[], uuid[]"
            ),
            ("SELECT milestone, at, detail FROM orders.events WHERE order_id = $1 ORDER BY at, milestone", "uuid"),
            (
                """
                SELECT n.id, c.id FROM unnest($1::uuid[], $2::bytea[]) AS n (id, token_hash)
                        JOIN orders.customers AS c ON c.token_hash = n.token_hash
                """, "uuid[], bytea[]"
            ),
        ])
    func indexed(sql: String, types: String) async throws {
        // The test would prove nothing about a statement that isn't one of ours any more.
        #expect(try Self.statements().contains { $0.sql == sql })
        try await TestDatabase.with(.openShop) { database in
            try await database.script(
                """
                INSERT INTO orders.idempotency_keys (key, body_hash, order_id)
                    SELECT 'k' || n, '', gen_random_uuid() FROM generate_series(1, 20000) AS n;
                INSERT INTO stock.reservations (order_id, state, skus, quantities)
                    SELECT gen_random_uuid(), 'taken', '{}', '{}' FROM generate_series(1, 20000);
                INSERT INTO orders.events (order_id, milestone, at, place)
                    SELECT gen_random_uuid(), 'received', now(), n FROM generate_series(1, 20000) AS n;
                INSERT INTO orders.customers (id, token_hash)
                    SELECT gen_random_uuid(), n::text::bytea FROM generate_series(1, 20000) AS n;
                INSERT INTO payment.calls (order_id, calls) SELECT gen_random_uuid(), 1 FROM generate_series(1, 20000);
                INSERT INTO payment.charges (order_id, status, amount_cents, charge_id)
                    SELECT gen_random_uuid(), 'charged', 1, 'c' || n FROM generate_series(1, 20000) AS n;
                INSERT INTO orders.orders (id, customer_name, customer_email, recipient, street, city, postcode, country)
                    SELECT gen_random_uuid(), '', '', '', '', '', '', '' FROM generate_series(1, 20000);
                ANALYZE
                """)
            let plan = try await database.write { session in
                session.walkIndexes()
                try session.script("PREPARE one (\(types)) AS \(sql); SET LOCAL plan_cache_mode = force_generic_plan")
                let nulls = types.split(separator: ",").map { _ in "NULL" }.joined(separator: ", ")
                return try session.query(Statement("EXPLAIN EXECUTE one (\(nulls))")) { try $0[0, as: String.self] }
            }
            #expect(!plan.contains { $0.contains("Seq Scan") }, "\(plan.joined(separator: "\n"))")
        }
    }

    /// Every `Statement` literal of the room, with the file that it stands in.
    private static func statements() throws -> [(place: String, sql: String)] {
        let room = URL(filePath: #filePath).appending(path: "../../../Sources/ShoeShop").standardizedFileURL
        let files = FileManager.default.enumerator(at: room, includingPropertiesForKeys: nil)
        var found: [(String, String)] = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let source = try String(contentsOf: file, encoding: .utf8)
            let literals = source.matches(
                of: /Statement(?: = |\(\s*)(?:"""\n(?<long>.*?)"""|"(?<short>[^"]+)")/.dotMatchesNewlines())
            for match in literals {
                let sql = (match.long ?? match.short ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
                found += filled(sql).map { (file.lastPathComponent, $0) }
            }
        }
        return found
    }

    /// Statements with holes are made in two forms.
    private static func filled(_ sql: String) -> [String] {
        guard sql.contains("\\(") else { return [sql] }
        if sql.contains("\\(room)") { return ["payment", "logistics"].map { sql.replacing("\\(room)", with: $0) } }
        return [("released", "on_hand"), ("taken", "taken")].map { state, column in
            sql.replacing("\\(state)", with: state).replacing("\\(column)", with: column)
        }
    }
}
