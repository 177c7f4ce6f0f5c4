import HTTPTypes
import Hummingbird
import ShoeShop
import ShopHTTP

/// `POST /orders`.
struct SubmissionRoutes {
    private let desk: OrderDesk

    init(_ desk: OrderDesk) { self.desk = desk }

    func add(to router: some RouterMethods<BasicRequestContext>) {
        router.post("orders") { request, _ in
            switch try await desk.submit(try await Submission(of: request)) {
            case .accepted(let id), .replayed(let id): return try Self.acceptance(of: id)
            case .conflict: throw Problem.keyConflict
            }
        }
    }

    private static func acceptance(of id: OrderID) throws -> Response {
        struct Acceptance: Encodable {
            let id: OrderID
            let status = "received"
        }
        var response = try JSONAnswer.response(Acceptance(id: id), status: .accepted)
        response.headers[.location] = "/orders/\(id)"
        return response
    }
}
