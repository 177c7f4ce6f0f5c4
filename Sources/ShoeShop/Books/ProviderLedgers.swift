public import Foundation

/// The third parties' own books, as `GET /ledger` of each tells them.
public struct ProviderLedgers: Sendable {
    /// One entry of a ledger: what it is called, which order it is for, and how much moved, where money did.
    struct Entry: Hashable, Sendable {
        let id: String
        let orderID: String
        let amount: Money?
    }

    let charges: [Entry]
    let refunds: [Entry]
    let bookings: [Entry]

    init(charges: [Entry], refunds: [Entry], bookings: [Entry]) {
        self.charges = charges
        self.refunds = refunds
        self.bookings = bookings
    }

    /// As if these orders had never been.
    public func without(_ forgotten: Set<OrderID>) -> ProviderLedgers {
        let names = Set(forgotten.map(\.description))
        func rest(_ entries: [Entry]) -> [Entry] { entries.filter { !names.contains($0.orderID) } }
        return ProviderLedgers(charges: rest(charges), refunds: rest(refunds), bookings: rest(bookings))
    }

    var orders: Set<OrderID> {
        Set((charges + refunds + bookings).compactMap { OrderID($0.orderID) })
    }

    /// - Throws: `DecodingError` when a document isn't a ledger.
    public init(payment: Data, logistics: Data) throws {
        self.init(
            try JSONDecoder().decode(PaymentLedger.self, from: payment),
            try JSONDecoder().decode(LogisticsLedger.self, from: logistics))
    }

    /// Reads both as `GET /ledger` of the sandbox's control port tells them, which no outage reaches.
    ///
    /// - Throws: `DecodingError` when the document isn't that.
    public init(both document: Data) throws {
        struct Both: Decodable {
            let payment: PaymentLedger
            let logistics: LogisticsLedger
        }
        let both = try JSONDecoder().decode(Both.self, from: document)
        self.init(both.payment, both.logistics)
    }

    private init(_ payment: PaymentLedger, _ logistics: LogisticsLedger) {
        charges = payment.charges.map { Entry(id: $0.id, orderID: $0.orderID, amount: $0.amount) }
        refunds = payment.refunds.map { Entry(id: $0.id, orderID: $0.orderID, amount: $0.amount) }
        bookings = logistics.bookings.map { Entry(id: $0.trackingNumber, orderID: $0.orderID, amount: nil) }
    }

    private struct PaymentLedger: Decodable {
        let charges: [Line]
        let refunds: [Line]
        struct Line: Decodable {
            let id: String
            let orderID: String
            let amount: Money
        }
    }

    private struct LogisticsLedger: Decodable {
        let bookings: [Line]
        struct Line: Decodable {
            let trackingNumber: String
            let orderID: String
        }
    }
}
