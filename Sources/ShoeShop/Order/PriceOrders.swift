import Foundation
public import MessageQueue
public import Postgres

/// Prices new orders by the catalogue and asks for their shoes; an order of an unknown article is rejected.
///
/// A repeated order keeps its first prices, and asks for its shoes again as long as it is under way.
public struct PriceOrders: Step {
    public let queue = Workflow.orders
    private let broker: Broker

    public init(_ shop: Shop) { broker = shop.broker }

    public func commit(_ batch: [Delivery<PlacedOrder>], in session: borrowing Session) throws {
        let placed = batch.map(\.payload).oncePerOrder(\.id)
        let records = try OrderRecords.lock(placed.map(\.id), in: session)
        let new = placed.filter { records[$0.id]?.status == .received }
        let underWay = placed.filter { records[$0.id]?.status == .priced || records[$0.id]?.status == .paid }

        let priced = try price(new, records, in: session) + OrderLines.priced(underWay, in: session)
        let tokens = Dictionary(uniqueKeysWithValues: placed.map { ($0.id, $0.paymentToken) })
        let requests = priced.map { StockRequest(order: $0, paymentToken: tokens[$0.id, default: ""]) }
        try broker.send(requests.map { Outgoing($0, key: $0.order.id.description) }, to: Workflow.stock, in: session)
    }

    private func price(
        _ new: [PlacedOrder], _ records: [OrderID: Order], in session: borrowing Session
    ) throws -> [PricedOrder] {
        guard !new.isEmpty else { return [] }
        let now = try session.time()
        let prices = try PriceList.read(Set(new.flatMap { $0.lines.map(\.sku) }), in: session)
        let quotes = new.map { prices.quote($0) }
        let priced = quotes.compactMap(\.priced)
        OrderLines.fixPrices(of: priced, in: session)
        OrderRecords.save(priced.compactMap { records[$0.id]?.priced(at: $0.total, on: now) }, in: session)
        try broker.announce(zip(new, quotes).compactMap { $1.rejection(of: $0.id, at: now) }, in: session)
        return priced
    }
}

extension Order {
    fileprivate func priced(at total: Money, on date: Date) -> OrderRecords.Change {
        var order = self
        let entries = order.price(at: total, on: date)
        return (order, entries)
    }
}

extension PriceList.Quote {
    fileprivate var priced: PricedOrder? { if case .priced(let order) = self { order } else { nil } }

    fileprivate func rejection(of id: OrderID, at date: Date) -> OrderEvent? {
        if case .unknown(let skus) = self { .rejected(OrderRejected(id, unknown: skus, at: date)) } else { nil }
    }
}
