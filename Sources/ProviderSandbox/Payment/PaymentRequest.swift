struct Charge: Codable, Equatable, Sendable {
    let orderID: String
    /// In cents.
    let amount: Int
    let currency: String
    let token: String

    /// Whether the card is one of those that are never charged.
    var decline: PaymentOutcome? {
        let rules = [
            "tok_declined": "card_declined", "tok_insufficient_funds": "insufficient_funds",
            "tok_expired": "expired_card",
        ]
        return rules.first { token.hasPrefix($0.key) }.map { .declined(reason: $0.value) }
    }

    var isRefundable: Bool { !token.hasPrefix("tok_refund_refused") }
}

struct Refund: Codable, Equatable, Sendable {
    let orderID: String
    let chargeID: String
    /// In cents.
    let amount: Int
}

enum PaymentRequest: Codable, Equatable, Sendable {
    case charge(Charge)
    case refund(Refund)

    private enum CodingKeys: CodingKey { case charge, refund }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let charge = try container.decodeIfPresent(Charge.self, forKey: .charge) {
            self = .charge(charge)
        } else {
            self = .refund(try container.decode(Refund.self, forKey: .refund))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .charge(let charge): try container.encode(charge, forKey: .charge)
        case .refund(let refund): try container.encode(refund, forKey: .refund)
        }
    }
}

enum PaymentOutcome: Codable, Equatable, Sendable {
    case charged(id: String)
    case declined(reason: String)
    case refunded(id: String)
    case refused(reason: String)
    case unknownCharge
}
