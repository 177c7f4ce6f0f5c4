package import Foundation
package import Postgres

/// Names and prices of some articles, as the catalogue has them now.
package struct PriceList: Sendable {
    struct Entry: Hashable, Sendable {
        let name: String
        let price: Money
    }

    let entries: [SKU: Entry]

    package enum Quote: Hashable, Sendable {
        case priced(PricedOrder)
        case unknown([SKU])
    }

    /// Prices every line, or names all articles that aren't for sale.
    package func quote(_ order: PlacedOrder) -> Quote {
        let unknown = order.lines.map(\.sku).filter { entries[$0] == nil }
        guard unknown.isEmpty else { return .unknown(unknown) }
        let lines = order.lines.compactMap { line in
            entries[line.sku].map {
                PricedLine(sku: line.sku, name: $0.name, quantity: line.quantity, unitPrice: $0.price)
            }
        }
        return .priced(PricedOrder(id: order.id, customer: order.customer, address: order.address, lines: lines))
    }

    package static func read(_ skus: Set<SKU>, in session: borrowing Session) throws -> PriceList {
        let entries: [(SKU, Entry)] = try session.query(read, skus.sorted()) { row in
            (try row[0], Entry(name: try row[1], price: try row[2]))
        }
        return PriceList(entries: Dictionary(uniqueKeysWithValues: entries))
    }

    /// Adds articles to the catalogue; those that are in it stay as they are.
    static func offer(_ products: [Product], in session: borrowing Session) {
        session.pipeline(
            offer, products.map(\.sku), products.map(\.name), products.map(\.colour), products.map(\.size),
            products.map(\.price))
    }

    private static let read: Statement = """
        SELECT sku, name, price_cents FROM orders.products WHERE sku = ANY($1)
        """
    private static let offer: Statement = """
        INSERT INTO orders.products (sku, name, colour, size, price_cents)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
        ON CONFLICT (sku) DO NOTHING
        """
}

extension OrderRejected {
    package init(_ id: OrderID, unknown skus: [SKU], at date: Date) {
        self.init(orderID: id, reason: .unknownSKU, detail: skus.map(\.code).joined(separator: ", "), at: date)
    }
}
