/// What a customer submitted, checked and complete, but not an order yet.
public struct OrderDraft: Hashable, Sendable {
    public let customer: Customer
    public let address: Address
    public let lines: [OrderLine]
    public let paymentToken: String

    public init(customer: Customer, address: Address, lines: [OrderLine], paymentToken: String) {
        self.customer = customer
        self.address = address
        self.lines = lines
        self.paymentToken = paymentToken
    }

    package func placed(as id: OrderID) -> PlacedOrder {
        PlacedOrder(id: id, customer: customer, address: address, lines: lines, paymentToken: paymentToken)
    }
}

/// A field of a submission that is missing or wrong.
public struct FieldError: Hashable, Sendable, Codable {
    /// JSON pointer (RFC 6901) to the field, such as `/lines/0/quantity`; empty for the document itself.
    public let pointer: String
    /// What the field has to be, as the end of a sentence that begins with its name.
    public let detail: String

    public init(pointer: String, detail: String) {
        self.pointer = pointer
        self.detail = detail
    }
}

/// Limits of a submission; `openapi.yaml` states the same ones.
enum OrderLimits {
    static let lines = 1...50
    static let quantity = 1...20
    static let text = 1...200
    static let email = 3...254
    static let postcode = 1...16
    static let token = 5...100
}
