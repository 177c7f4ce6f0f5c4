import Foundation
import MessageQueue
import Postgres
import TestSupport

@testable import ShoeShop

/// A shop whose business is done, one order of each kind, with the ledgers as the providers had them at the end.
struct ClosedShop: Sendable {
    let database: Database
    private let ledgers: Documents
    private let accepted: [OrderID]

    /// A copy of one that was made once.
    static func with<T: Sendable>(_ body: (ClosedShop) async throws -> T) async throws -> T {
        try await TestDatabase.with(.closedShop) { database in
            let documents = try await database.query("SELECT payment, logistics FROM public.ledgers") { row in
                Documents(
                    payment: Data(try row[0, as: String.self].utf8), logistics: Data(try row[1, as: String.self].utf8))
            }[0]
            let ids = try await database.query("SELECT id FROM orders.orders") { try $0[0, as: OrderID.self] }
            return try await body(ClosedShop(database: database, ledgers: documents, accepted: ids))
        }
    }

    /// - Parameters:
    ///   - accepted: nil means all that were.
    ///   - change: what the providers' ledgers are turned into.
    func audit(
        accepted: [OrderID]? = nil, _ change: (Documents) throws -> Documents = { $0 }
    ) async throws -> Books {
        try await Books.audit(database, accepted: accepted ?? self.accepted) {
            let documents = try change(ledgers)
            return try ProviderLedgers(payment: documents.payment, logistics: documents.logistics)
        }
    }

    struct Documents: Sendable {
        var payment: Data
        var logistics: Data

        /// With another list of `charges`, `refunds` or `bookings`.
        func changing(_ list: String, _ change: ([[String: Any]]) -> [[String: Any]]) throws -> Documents {
            func changed(_ data: Data) throws -> Data {
                guard var ledger = try JSONSerialization.jsonObject(with: data) as? [String: Any],
                    let entries = ledger[list] as? [[String: Any]]
                else { return data }
                ledger[list] = change(entries)
                return try JSONSerialization.data(withJSONObject: ledger)
            }
            return Documents(payment: try changed(payment), logistics: try changed(logistics))
        }
    }
}

extension Template {
    fileprivate static let closedShop = Template("closed-shop", migrations: Migrator.shop.lines) {
        database in
        try await database.openShop()
        try await Rig.with(database) { rig in
            _ = try await rig.submit([
                .good, .good, .of([(.last, 5)]), .of(token: "tok_declined"), .undeliverable,
            ])
            try await rig.working { try await $0.untilDrained() }
            let ledgers = try await rig.sandbox.documents()
            try await database.script("CREATE TABLE public.ledgers (payment text, logistics text)")
            try await database.execute(
                "INSERT INTO public.ledgers VALUES ($1, $2)", String(decoding: ledgers.payment, as: UTF8.self),
                String(decoding: ledgers.logistics, as: UTF8.self))
        }
    }
}
