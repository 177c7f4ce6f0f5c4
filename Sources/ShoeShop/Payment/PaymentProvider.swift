/// The third party that moves the customers' money.
///
/// Guarantee: however often a call is repeated for an order, the money moves once.
/// A refusal is an outcome. Everything else that is not a proper answer throws `ProviderError`.
public protocol PaymentProvider: Sendable {
    func charge(_ amount: Money, for order: OrderID, token: String) async throws(ProviderError) -> ChargeOutcome
    func refund(_ amount: Money, of chargeID: String, for order: OrderID) async throws(ProviderError) -> RefundOutcome
}

public enum ChargeOutcome: Sendable, Equatable {
    case charged(chargeID: String)
    case declined(reason: String)
}

public enum RefundOutcome: Sendable, Equatable {
    case refunded(refundID: String)
    case refused(reason: String)
}

/// The payment provider over HTTP.
public struct PaymentClient: PaymentProvider {
    private let charges, refunds: ProviderClient

    /// - Parameters:
    ///   - url: Base address without a slash at its end.
    ///   - deadline: For each call as a whole.
    public init(url: String, deadline: Duration = .seconds(5)) {
        charges = ProviderClient(name: "payment", baseURL: url, path: "/charges", deadline: deadline)
        refunds = ProviderClient(name: "payment", baseURL: url, path: "/refunds", deadline: deadline)
    }

    public func charge(
        _ amount: Money, for order: OrderID, token: String
    ) async throws(ProviderError) -> ChargeOutcome {
        let request = ChargeRequest(orderID: "\(order)", amount: amount.cents, currency: Money.currency, token: token)
        let answer = try await charges.post(request, key: "charge-\(order)")
        switch answer.status {
        case 201:
            let charge: Charged = try answer.decode()
            try answer.require(charge.orderID == request.orderID && charge.amount == request.amount)
            return .charged(chargeID: charge.id)
        case 402:
            return .declined(reason: try answer.refusal("declined"))
        default:
            throw answer.failure
        }
    }

    public func refund(
        _ amount: Money, of chargeID: String, for order: OrderID
    ) async throws(ProviderError) -> RefundOutcome {
        let request = RefundRequest(orderID: "\(order)", chargeID: chargeID, amount: amount.cents)
        let answer = try await refunds.post(request, key: "refund-\(order)")
        switch answer.status {
        case 201:
            let refund: Refunded = try answer.decode()
            try answer.require(refund.chargeID == request.chargeID && refund.amount == request.amount)
            return .refunded(refundID: refund.id)
        case 404, 409:
            return .refused(reason: try answer.refusal("refused"))
        default:
            throw answer.failure
        }
    }

    private struct ChargeRequest: Encodable {
        let orderID: String
        let amount: Int
        let currency: String
        let token: String
    }

    private struct RefundRequest: Encodable {
        let orderID: String
        let chargeID: String
        let amount: Int
    }

    private struct Charged: Decodable {
        let id: String
        let orderID: String
        let amount: Int
    }

    private struct Refunded: Decodable {
        let id: String
        let chargeID: String
        let amount: Int
    }
}
