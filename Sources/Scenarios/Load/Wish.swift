import Durations
import Foundation
import ShoeShop

/// What one customer is going to do.
struct Wish: Sendable {
    /// Whether the shop should take the order.
    enum Kind: Sendable, Equatable {
        case order
        /// Must be refused, whatever else is going on.
        case nonsense
    }

    let due: Double
    let key: String
    let body: Data
    let kind: Kind
    let isTwice: Bool
    /// Seconds after the answer; nil: keeps the order.
    let cancelAfter: Double?
}

/// Makes customers up, the same ones for the same seed.
struct WishMaker {
    let customers: Customers
    /// What is on sale.
    let products: [String]
    private var generator: SeededGenerator

    init(_ customers: Customers, products: [String], seed: UInt64) {
        self.customers = customers
        self.products = products
        generator = SeededGenerator(seed: seed)
    }

    mutating func wishes(for arrivals: Arrivals) throws -> [Wish] {
        try arrivals.all.enumerated().map { number, arrival in try wish(number, arrival) }
    }

    private mutating func wish(_ number: Int, _ arrival: Arrivals.Arrival) throws -> Wish {
        let (body, kind) = try arrival.body.map { ($0, .order) } ?? made(number)
        let isTwice = generator.draw(customers.twice)
        let cancels = generator.draw(customers.cancel)
        let patience = Double.random(in: 0...max(customers.cancelWithin.inSeconds, 0.001), using: &generator)
        return Wish(
            due: arrival.due, key: "\(String(format: "%016llx", generator.next()))-\(number)", body: body, kind: kind,
            isTwice: isTwice, cancelAfter: kind == .order && cancels ? patience : nil)
    }

    private mutating func made(_ number: Int) throws -> (Data, Wish.Kind) {
        var draw = Double.random(in: 0..<1, using: &generator)
        func falls(in share: Double) -> Bool {
            draw -= share
            return draw < 0
        }
        if falls(in: customers.malformed) { return (nonsense(), .nonsense) }
        if falls(in: customers.oversized) { return (oversized(), .nonsense) }
        var token = "tok_visa_\(number)"
        var street = "Lindenstr. \(number % 180 + 1)"
        if falls(in: customers.declined) {
            token = "tok_declined_\(number)"
        } else if falls(in: customers.undeliverable) {
            street = "Nowhere \(number)"
        } else if falls(in: customers.unrefundable) {
            // Only an order that can't be delivered is refunded.
            (token, street) = ("tok_refund_refused_\(number)", "Nowhere \(number)")
        }
        return (try Self.encoder.encode(form(number, token: token, street: street)), .order)
    }

    /// The order of the fields must not depend on the moment.
    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return encoder
    }()

    private mutating func form(_ number: Int, token: String, street: String) -> Form {
        let name = "\(Self.firstNames[number % Self.firstNames.count]) \(Self.lastNames[number % Self.lastNames.count])"
        let wanted =
            customers.sku.map { [$0] }
            ?? Array(products.shuffled(using: &generator).prefix(.random(in: 1...3, using: &generator)))
        let lines = wanted.map { sku in
            Form.Line(sku: sku, quantity: customers.quantity ?? .random(in: 1...2, using: &generator))
        }
        return Form(
            customer: .init(name: name, email: "customer-\(number)@example.com"),
            address: .init(recipient: name, street: street, city: "Leipzig", postcode: "04229", country: "DE"),
            lines: lines, paymentToken: token)
    }

    private mutating func nonsense() -> Data {
        let kinds = [
            "", "{", "[]", "null", "\u{0}\u{0}\u{0}", #"{"lines": "all of them"}"#,
            #"{"customer": {}, "lines": [{"sku": "RUNNER-42-TAN", "quantity": -1}]}"#,
        ]
        return Data((kinds.randomElement(using: &generator) ?? "").utf8)
    }

    /// More than the API reads.
    private func oversized() -> Data {
        Data(#"{"customer": ""#.utf8) + Data(repeating: UInt8(ascii: "x"), count: 200_000)
    }

    /// An order as `POST /orders` takes it.
    private struct Form: Encodable {
        struct Customer: Encodable { let name, email: String }
        struct Address: Encodable { let recipient, street, city, postcode, country: String }
        struct Line: Encodable {
            let sku: String
            let quantity: Int
        }
        let customer: Customer
        let address: Address
        let lines: [Line]
        let paymentToken: String
    }

    private static let firstNames = ["Lena", "Oisín", "Chloé", "Paul", "Mira", "Jonas", "Ewa"]
    private static let lastNames = [
        "Schneider", "Byrne", "Moreau", "Köhler", "Horvat", "Nowak", "Silva", "Berg", "Costa",
    ]
}
