public import Postgres

/// The rows of `stock.items`: how many pairs are where.
public enum StockItems {
    /// Locks the articles until the end of the transaction, in the order of their codes, and counts what is on hand.
    ///
    /// Everybody who changes items locks them in this order, so no two transactions wait for each other.
    static func lock(_ skus: Set<SKU>, in session: borrowing Session) throws -> [SKU: Int] {
        let items: [(SKU, Int)] = try session.query(lock, skus.sorted()) { (try $0[0], try $0[1]) }
        return Dictionary(uniqueKeysWithValues: items)
    }

    /// Moves pairs from the shelf to the reserved ones; the items must be locked.
    static func reserve(_ quantities: [SKU: Int], in session: borrowing Session) {
        session.pipeline(reserve, Array(quantities.keys), Array(quantities.values))
    }

    /// The first delivery of articles that the warehouse hasn't had yet; the others stay as they are.
    static func open(with quantities: [SKU: Int], in session: borrowing Session) {
        session.pipeline(open, Array(quantities.keys), Array(quantities.values))
    }

    /// A further delivery from the manufacturers.
    public static func restock(_ quantities: [SKU: Int], in session: borrowing Session) throws {
        _ = try lock(Set(quantities.keys), in: session)
        session.pipeline(restock, Array(quantities.keys), Array(quantities.values))
    }

    private static let lock: Statement = """
        SELECT sku, on_hand FROM stock.items WHERE sku = ANY($1) ORDER BY sku FOR UPDATE
        """
    private static let reserve: Statement = """
        UPDATE stock.items AS i SET on_hand = on_hand - n.quantity, reserved = reserved + n.quantity
        FROM unnest($1::text[], $2::bigint[]) AS n (sku, quantity)
        WHERE i.sku = n.sku
        """
    private static let open: Statement = """
        INSERT INTO stock.items (sku, delivered, on_hand)
        SELECT sku, quantity, quantity FROM unnest($1::text[], $2::bigint[]) AS n (sku, quantity)
        ORDER BY sku ON CONFLICT (sku) DO NOTHING
        """
    private static let restock: Statement = """
        INSERT INTO stock.items AS i (sku, delivered, on_hand)
        SELECT sku, quantity, quantity FROM unnest($1::text[], $2::bigint[]) AS n (sku, quantity)
        ORDER BY sku ON CONFLICT (sku) DO UPDATE
        SET delivered = i.delivered + excluded.delivered, on_hand = i.on_hand + excluded.on_hand
        """
}
