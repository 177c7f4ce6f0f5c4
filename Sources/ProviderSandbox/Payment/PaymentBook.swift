import Foundation

/// The payment provider's rules. Every charge is a new one unless its idempotency key says otherwise.
struct PaymentBook: Book {
    private var charges: [ChargeLine] = []
    private var refunds: [RefundLine] = []
    private var declines = 0
    private var chargesByID: [String: Charge] = [:]
    private var refunded: Set<String> = []

    init() {}

    func outcome(of request: PaymentRequest) -> PaymentOutcome {
        switch request {
        case .charge(let charge): charge.decline ?? .charged(id: newID("ch"))
        case .refund(let refund): outcome(of: refund)
        }
    }

    private func outcome(of refund: Refund) -> PaymentOutcome {
        guard let charge = chargesByID[refund.chargeID] else { return .unknownCharge }
        if !charge.isRefundable { return .refused(reason: "refund_refused") }
        if refunded.contains(refund.chargeID) { return .refused(reason: "already_refunded") }
        if refund.amount > charge.amount { return .refused(reason: "amount_exceeds_charge") }
        return .refunded(id: newID("re"))
    }

    mutating func enter(_ entry: Entry<PaymentBook>) {
        switch (entry.request, entry.outcome) {
        case (.charge(let charge), .charged(let id)):
            charges.append(ChargeLine(id: id, orderID: charge.orderID, amount: charge.amount, at: entry.at))
            chargesByID[id] = charge
        case (.charge, _):
            declines += 1
        case (.refund(let refund), .refunded(let id)):
            refunds.append(
                RefundLine(
                    id: id, orderID: refund.orderID, chargeID: refund.chargeID, amount: refund.amount, at: entry.at))
            refunded.insert(refund.chargeID)
        case (.refund, _):
            break
        }
    }

    var statement: any Encodable & Sendable { Statement(charges: charges, refunds: refunds) }

    var summary: any Encodable & Sendable {
        [
            "charges": charges.count, "chargedAmount": charges.map(\.amount).boundedSum, "declines": declines,
            "refunds": refunds.count, "refundedAmount": refunds.map(\.amount).boundedSum,
        ]
    }

    private struct Statement: Encodable {
        let charges: [ChargeLine]
        let refunds: [RefundLine]
    }

    private struct ChargeLine: Encodable {
        let id: String
        let orderID: String
        let amount: Int
        let at: Date
    }

    private struct RefundLine: Encodable {
        let id: String
        let orderID: String
        let chargeID: String
        let amount: Int
        let at: Date
    }
}

/// An id that no other process or run of this one makes: `ch_5f0c...`.
func newID(_ prefix: String) -> String {
    prefix + "_" + UUID().uuidString.lowercased().filter { $0 != "-" }
}
