/// A submission as it comes from outside: either a draft, or every field that is wrong with it.
///
/// ```swift
/// let form = try JSONDecoder().decode(OrderForm.self, from: body)   // throws only when the body is no JSON
/// guard let draft = form.draft else { return problem(422, form.errors) }
/// ```
public struct OrderForm: Sendable, Decodable {
    /// The checked order; nil when there are ``errors``.
    public let draft: OrderDraft?
    /// Every wrong field, in the order of the documentation; fields that nobody knows are ignored.
    public let errors: [FieldError]

    public init(from decoder: any Decoder) throws {
        var reader = FormReader()
        let form = reader.document(decoder)
        let customer = reader.object("customer", in: form)
        let address = reader.object("address", in: form)
        let draft = OrderDraft(
            customer: Customer(
                name: reader.text("name", in: customer),
                email: reader.text("email", in: customer, OrderLimits.email, .email)),
            address: Address(
                recipient: reader.text("recipient", in: address),
                street: reader.text("street", in: address),
                city: reader.text("city", in: address),
                postcode: reader.text("postcode", in: address, OrderLimits.postcode),
                country: reader.text("country", in: address, 2...2, .country)),
            lines: reader.lines("lines", in: form),
            paymentToken: reader.text("paymentToken", in: form, OrderLimits.token, .token))
        self.errors = reader.errors
        self.draft = reader.errors.isEmpty ? draft : nil
    }
}

extension FormReader {
    fileprivate mutating func lines(_ name: String, in parent: FormObject?) -> [OrderLine] {
        let objects = objects(name, in: parent, count: OrderLimits.lines)
        var seen: Set<SKU> = []
        return objects.map { object in
            let sku = SKU(text("sku", in: object, 1...40, .sku))
            if object != nil, !sku.code.isEmpty, !seen.insert(sku).inserted {
                report("sku", in: object, "must not repeat an earlier line")
            }
            return OrderLine(sku: sku, quantity: number("quantity", in: object, OrderLimits.quantity))
        }
    }
}

extension TextRule {
    fileprivate static let email = TextRule("must be an e-mail address") { text in
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && !parts[0].isEmpty && parts[1].contains(".") && !text.contains(" ")
            && !parts[1].hasPrefix(".") && !parts[1].hasSuffix(".")
    }
    fileprivate static let country = TextRule("must be an ISO 3166-1 code of two capital letters") { text in
        text.utf8.allSatisfy { (0x41...0x5A).contains($0) }
    }
    fileprivate static let sku = TextRule("must be an article code of A-Z, 0-9 and hyphens") { SKU($0).isWellFormed }
    fileprivate static let token = TextRule("must be a payment token: tok_ and then letters, digits or _") { text in
        text.hasPrefix("tok_") && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }
}
