import HTTPTypes
import Hummingbird
import Launch
import ShoeShop
import ShopHTTP

/// Everything that can be asked.
struct ReadingRoutes {
    private let orders: OrderReader
    private let timelines: TimelineReader

    init(_ orders: OrderReader, _ timelines: TimelineReader) {
        self.orders = orders
        self.timelines = timelines
    }

    func add(to router: some RouterMethods<PeerRequestContext>) {
        router.get("orders/:id") { request, context in
            let id = try Self.id(in: context)
            guard request.isOfBrowser else {
                guard let order = try await orders.order(id) else { throw Self.noSuchOrder }
                return try JSONAnswer.response(order).unstored
            }
            guard let events = try await timelines.events(of: id, after: 0), let order = try await orders.order(id)
            else { throw Self.noSuchOrder }
            let key = try await unshownKey(of: id, request)
            var response = OrderJourney(order, events, key: key).page.response()
            if key != nil {
                let cookie = CustomerCookie.unshown.remove(for: request)
                response.headers.append(HTTPField(name: .setCookie, value: cookie))
            }
            return response
        }
        router.get("orders/:id/invoice") { _, context in
            switch try await orders.invoice(of: try Self.id(in: context)) {
            case .issued(let page):
                let response = Response(
                    status: .ok,
                    headers: [
                        .contentType: "text/html; charset=utf-8", .contentSecurityPolicy: InvoiceAnswer.policy,
                    ],
                    body: .init(byteBuffer: ByteBuffer(string: page)))
                return response.unstored
            case .notIssuedYet:
                throw Problem(
                    .notFound, "There is no invoice for this order.", detail: "Invoices are issued once paid.")
            case .noSuchOrder: throw Self.noSuchOrder
            }
        }
        router.get("products") { _, _ in try JSONAnswer.response(try await orders.products()) }
    }

    /// Of whoever has just become a customer with this order: it is shown to them once.
    private func unshownKey(of id: OrderID, _ request: Request) async throws -> CustomerToken? {
        guard CustomerCookie.unshown.value(in: request) == id.description, let token = request.customerToken
        else { return nil }
        return try await timelines.isOrder(id, of: token) ? token : nil
    }

    /// What is no UUID names no order.
    static func id(in context: PeerRequestContext) throws -> OrderID {
        guard let id = context.parameters.get("id").flatMap(OrderID.init) else { throw noSuchOrder }
        return id
    }

    static var noSuchOrder: Problem { Problem(.notFound, "There is no such order.") }
}

extension Request {
    /// Whether a page is wanted, and not a document.
    var isOfBrowser: Bool { headers[.accept]?.contains("text/html") ?? false }
}

extension Response {
    /// With names and addresses in it, or ids of orders: no cache on the way may keep it, nor may a browser that others use as well.
    var unstored: Response {
        var response = self
        response.headers[.cacheControl] = "no-store"
        response.headers[.vary] = "Accept"
        return response
    }
}

/// `GET /openapi.yaml`.
struct DescriptionRoute {
    func add(to router: some RouterMethods<PeerRequestContext>) {
        router.get("openapi.yaml") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/yaml"],
                body: .init(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_yaml)))
        }
    }
}
