import Hummingbird
import Launch
import Postgres
import ShoeShop
import ShopHTTP

/// `POST /orders/{id}/cancel`.
struct CancellationRoute {
    private let shop: Shop

    /// Nobody waits longer than this for the database.
    private static let limit = Duration.seconds(5)

    init(_ shop: Shop) { self.shop = shop }

    func add(to router: some RouterMethods<PeerRequestContext>) {
        let cancel = CancelOrder(shop.broker)
        let orders = OrderReader(shop.database)
        router.post("orders/:id/cancel") { [database = shop.database] request, context in
            try FormFields.check(request)
            let id = try ReadingRoutes.id(in: context)
            let outcome = try await database.write(within: Self.limit) { try cancel.commit(id, in: $0) }
            if let problem = Problem(outcome) { throw problem }
            if request.isOfBrowser { return Response(status: .seeOther, headers: [.location: "/orders/\(id)"]) }
            guard let order = try await orders.order(id) else { throw ReadingRoutes.noSuchOrder }
            return try JSONAnswer.response(order, status: outcome == .cancelled ? .ok : .accepted).unstored
        }
    }
}

extension Problem {
    /// Nil where a wish to cancel got an answer that isn't one.
    fileprivate init?(_ outcome: CancellationOutcome) {
        switch outcome {
        case .asked, .cancelled: return nil
        case .noSuchOrder: self = ReadingRoutes.noSuchOrder
        case .tooLate(.rejected(let reason), let detail):
            self.init(
                .conflict, "The order was rejected; there is nothing to cancel.",
                detail: ["\(reason.rawValue)", detail].compactMap(\.self).joined(separator: ": "))
        case .tooLate(_, let detail):
            self.init(
                .conflict, "It's too late to cancel: the carrier has the parcel.",
                detail: detail.map { "Its tracking number is \($0)." })
        }
    }
}
