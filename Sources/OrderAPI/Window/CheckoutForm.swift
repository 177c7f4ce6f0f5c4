import Foundation
import HTTPTypes
import ShoeShop
import ShopHTTP

/// The order form as it was filled in.
struct CheckoutForm {
    /// Names this form, so that sent twice it makes one order.
    private(set) var key: String
    /// What whoever orders with it first is known by: there before it is sent, so that no lost answer takes it away.
    let token: CustomerToken
    let basket: Basket
    private let values: [String: String]

    /// Fields with the place that the API's form has for each, and what a browser may fill in by itself.
    static let fields: [(name: String, label: String, pointer: String, autocomplete: String)] = [
        ("name", "Your name", "/customer/name", "name"), ("email", "E-mail", "/customer/email", "email"),
        ("recipient", "For", "/address/recipient", "shipping name"),
        ("street", "Street and number", "/address/street", "shipping street-address"),
        ("postcode", "Postcode", "/address/postcode", "shipping postal-code"),
        ("city", "City", "/address/city", "shipping address-level2"),
        ("country", "Country (two letters)", "/address/country", "shipping country"),
    ]

    static var empty: CheckoutForm {
        CheckoutForm(key: UUID().uuidString.lowercased(), token: .random(), basket: Basket(), values: ["country": "DE"])
    }

    /// - Throws: `Problem` for an article that stands in it twice.
    init(_ fields: FormFields) throws {
        let names = Self.fields.map(\.name) + ["card"]
        key = fields["key"] ?? ""
        token = fields["token"].flatMap { CustomerToken($0) } ?? .random()
        let lines = fields.all("line").compactMap(Basket.line)
        guard Set(lines.map(\.sku)).count == lines.count else {
            throw Problem(.badRequest, "An article is in the form twice.")
        }
        basket = Basket(lines: lines)
        values = Dictionary(uniqueKeysWithValues: names.map { ($0, fields[$0] ?? "") })
    }

    private init(key: String, token: CustomerToken, basket: Basket, values: [String: String]) {
        self.key = key
        self.token = token
        self.basket = basket
        self.values = values
    }

    subscript(name: String) -> String { values[name] ?? "" }

    func withFreshKey() -> CheckoutForm {
        CheckoutForm(key: UUID().uuidString.lowercased(), token: token, basket: basket, values: values)
    }

    /// As the API takes it: the same form gives the same bytes.
    func document() throws -> [UInt8] {
        struct Document: Encodable {
            struct Line: Encodable {
                let sku: String
                let quantity: Int
            }
            let customer, address: [String: String]
            let lines: [Line]
            let paymentToken: String
        }
        func part(_ names: String...) -> [String: String] {
            Dictionary(uniqueKeysWithValues: names.map { ($0, self[$0]) })
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let document = Document(
            customer: part("name", "email"), address: part("recipient", "street", "city", "postcode", "country"),
            lines: basket.lines.map { .init(sku: $0.sku.code, quantity: $0.quantity) }, paymentToken: self["card"])
        return [UInt8](try encoder.encode(document))
    }
}

extension OrderForm {
    /// What the API's own form makes of a document.
    static func read(_ body: [UInt8]) throws -> OrderForm { try JSONDecoder().decode(OrderForm.self, from: Data(body)) }
}
