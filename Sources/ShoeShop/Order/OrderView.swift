public import Foundation
public import Postgres

/// An order as `GET /orders/{id}` shows it; amounts in cents.
public struct OrderView: Hashable, Sendable, Encodable {
    public struct Line: Hashable, Sendable, Encodable {
        public let sku: SKU
        /// Nil when the article isn't for sale.
        public let name: String?
        public let quantity: Int
        /// Nil until the order is priced.
        public let unitPrice: Money?
    }

    public struct RejectionView: Hashable, Sendable, Encodable {
        public let reason: Rejection
        public let detail: String?
    }

    public struct CancellationView: Hashable, Sendable, Encodable {
        public enum State: String, Sendable, Encodable {
            /// Not decided yet.
            case asked
            case cancelled
            /// The order came to another end first.
            case tooLate = "too-late"
        }

        public let askedAt: Date
        public let state: State
    }

    public let id: OrderID
    public let status: String
    public let placedAt: Date
    public let customer: Customer
    public let address: Address
    public internal(set) var lines: [Line]
    public let currency: String
    public let total: Money?
    public let trackingNumber: String?
    public let rejection: RejectionView?
    public let refundedAt: Date?
    /// Nil when nobody has asked for it.
    public let cancellation: CancellationView?
}

extension OrderView {
    /// A row of the order joined with one of its lines.
    init(id: OrderID, _ row: borrowing Row) throws {
        self.id = id
        status = try row[0]
        rejection = try row[1, as: Rejection?.self].map { RejectionView(reason: $0, detail: try row[2]) }
        placedAt = try row[3]
        customer = Customer(name: try row[4], email: try row[5])
        address = Address(
            recipient: try row[6], street: try row[7], city: try row[8], postcode: try row[9], country: try row[10])
        currency = Money.currency
        total = try row[11]
        trackingNumber = try row[12]
        refundedAt = try row[13]
        cancellation = try row[14, as: Date?.self].map { [status] in
            CancellationView(askedAt: $0, state: .init(of: status))
        }
        lines = [Line(sku: try row[15], name: try row[16], quantity: try row[17], unitPrice: try row[18])]
    }
}

extension OrderView.CancellationView.State {
    fileprivate init(of status: String) {
        self =
            switch status {
            case "cancelled": .cancelled
            case "dispatched", "rejected": .tooLate
            default: .asked
            }
    }
}

extension Rejection: PostgresDecodable {
    public static func decode(_ bytes: UnsafeRawBufferPointer?) -> Rejection? {
        String.decode(bytes).flatMap(Rejection.init)
    }
}
