package import Postgres

/// The rows of `orders.order_lines`.
package enum OrderLines {
    static func insert(_ orders: [PlacedOrder], in session: borrowing Session) {
        let lines = orders.flatMap { order in order.lines.enumerated().map { (order.id, $0.offset + 1, $0.element) } }
        session.pipeline(insert, lines.map(\.0), lines.map(\.1), lines.map(\.2.sku), lines.map(\.2.quantity))
    }

    /// Writes the prices that hold for these orders from now on.
    package static func fixPrices(of orders: [PricedOrder], in session: borrowing Session) {
        let lines = orders.flatMap { order in order.lines.enumerated().map { (order.id, $0.offset + 1, $0.element) } }
        guard !lines.isEmpty else { return }
        session.pipeline(fixPrices, lines.map(\.0), lines.map(\.1), lines.map(\.2.unitPrice))
    }

    /// Orders that were priced before, at the prices of then.
    static func priced(_ orders: [PlacedOrder], in session: borrowing Session) throws -> [PricedOrder] {
        guard !orders.isEmpty else { return [] }
        let lines: [(OrderID, PricedLine)] = try session.query(priced, orders.map(\.id)) { row in
            (
                try row[0],
                PricedLine(sku: try row[1], name: try row[2], quantity: try row[3], unitPrice: try row[4])
            )
        }
        let byOrder = Dictionary(grouping: lines, by: \.0).mapValues { $0.map(\.1) }
        return orders.map {
            PricedOrder(id: $0.id, customer: $0.customer, address: $0.address, lines: byOrder[$0.id] ?? [])
        }
    }

    private static let insert: Statement = """
        INSERT INTO orders.order_lines (order_id, line, sku, quantity)
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[])
        """
    private static let fixPrices: Statement = """
        UPDATE orders.order_lines AS l SET unit_price_cents = n.price
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n (order_id, line, price)
        WHERE l.order_id = n.order_id AND l.line = n.line
        """
    private static let priced: Statement = """
        SELECT l.order_id, l.sku, p.name, l.quantity, l.unit_price_cents
        FROM orders.order_lines AS l JOIN orders.products AS p USING (sku)
        WHERE l.order_id = ANY($1) ORDER BY l.order_id, l.line
        """
}
