import HTTPTypes
import Postgres
import ShoeShop
import ShopHTTP

/// Why a customer doesn't get the shoes.
enum CheckoutError: Error {
    /// Nobody's fault; everything is as it was before, and the order is rejected.
    case refused(OrderID, Rejection, detail: String?)
    /// A step failed, after the order had come so far. What was done stays.
    case failed(OrderID, reached: Milestone, cause: any Error)
    /// The key was used for another body.
    case keyConflict
    /// The key was used before, for an order that has come to no end: it is being worked on, or failed.
    case inProgress(OrderID)
}

extension Problem {
    init(_ error: CheckoutError) {
        switch error {
        case .refused(let id, let reason, let detail):
            let detail = [reason.rawValue, detail].compactMap(\.self).joined(separator: ": ")
            self.init(
                reason == .outOfStock ? .conflict : .unprocessableContent, "The order is rejected.",
                detail: "Order \(id): \(detail)")
        case .failed(let id, let reached, let cause):
            let isAway = (cause as? ProviderError)?.kind == .unreachable || cause is PostgresError
            self.init(
                isAway ? .serviceUnavailable : .badGateway, "The order could not be completed.",
                detail: "\(reached.consequence) Please call us about order \(id).")
        case .keyConflict: self = .keyConflict
        case .inProgress(let id):
            self.init(
                .conflict, "The order with this Idempotency-Key is in progress.",
                detail: "Order \(id). If it stays so, please call us.")
        }
    }
}

extension Milestone {
    /// What a failure after this milestone means for the customer.
    fileprivate var consequence: String {
        switch self {
        case .paid: "You have been charged, and we do not know whether your delivery is booked."
        case .reserved: "We do not know whether you have been charged."
        default: "You have not been charged."
        }
    }
}
