import NIOHTTP1

extension PaymentBook {
    static func request(from call: Call) throws(BadCall) -> PaymentRequest? {
        switch call.path {
        case "/charges":
            let charge: Charge = try call.decode()
            try check(charge.amount)
            guard charge.currency == "EUR" else { throw BadCall(.badRequest, "currency must be EUR") }
            return .charge(charge)
        case "/refunds":
            let refund: Refund = try call.decode()
            try check(refund.amount)
            return .refund(refund)
        default:
            return nil
        }
    }

    private static func check(_ amount: Int) throws(BadCall) {
        guard amount > 0 else { throw BadCall(.badRequest, "amount must be above 0") }
        guard amount <= mostCents else { throw BadCall(.badRequest, "amount must be at most \(mostCents)") }
    }

    /// A trillion euros.
    private static let mostCents = 100_000_000_000_000

    static func answer(for entry: Entry<PaymentBook>) -> Answer {
        switch (entry.request, entry.outcome) {
        case (.charge(let charge), .charged(let id)):
            Answer(.created, Charged(id: id, orderID: charge.orderID, amount: charge.amount))
        case (.refund(let refund), .refunded(let id)):
            Answer(.created, Refunded(id: id, chargeID: refund.chargeID, amount: refund.amount))
        case (_, .declined(let reason)):
            Answer(.paymentRequired, Refusal(status: "declined", reason: reason))
        case (_, .refused(let reason)):
            Answer(.conflict, Refusal(status: "refused", reason: reason))
        case (_, .unknownCharge):
            Answer(.notFound, Refusal(status: "refused", reason: "unknown_charge"))
        case (.charge, .refunded), (.refund, .charged):
            Answer(.internalServerError, problem: "the ledger contradicts itself at \(entry.key)")
        }
    }

    private struct Charged: Encodable {
        let id: String
        let orderID: String
        let amount: Int
        var status = "charged"
    }

    private struct Refunded: Encodable {
        let id: String
        let chargeID: String
        let amount: Int
        var status = "refunded"
    }
}

/// A business refusal: an answer like any other.
struct Refusal: Encodable {
    let status: String
    let reason: String
}
