import Hummingbird
import Launch
import Logging
import ShoeShop
import ShopHTTP

/// `POST /orders`: 201 once the parcel is booked.
struct CheckoutRoute {
    let checkout: Checkout
    let logger: Logger

    func add(to router: some RouterMethods<PeerRequestContext>) {
        router.post("orders") { [checkout, logger] request, _ in
            let submission = try await Submission(of: request)
            do {
                return try JSONAnswer.response(try await checkout.place(submission), status: .created)
            } catch let error as CheckoutError {
                if case .failed(let id, let reached, let cause) = error {
                    // All that is left of the order for those who have to undo it.
                    logger.error(
                        "an order was left behind",
                        metadata: ["order": "\(id)", "reached": "\(reached.rawValue)", "error": "\(cause)"])
                }
                throw Problem(error)
            }
        }
    }
}
