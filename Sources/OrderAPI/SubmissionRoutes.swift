import HTTPTypes
import Hummingbird
import Launch
import ShoeShop
import ShopHTTP

/// `POST /orders`.
struct SubmissionRoutes {
    private let desk: OrderDesk
    private let reader: TimelineReader

    init(_ desk: OrderDesk, _ reader: TimelineReader) {
        self.desk = desk
        self.reader = reader
    }

    func add(to router: some RouterMethods<PeerRequestContext>) {
        router.post("orders") { request, _ in
            var submission = try await Submission(of: request)
            if request.headers[.authorization] != nil {
                guard let customer = try await FollowRoutes.customer(of: request, reader) else {
                    throw FollowRoutes.unknown
                }
                submission.submitter = .known(customer)
            }
            switch try await desk.submit(submission) {
            case .accepted(let id): return try Self.acceptance(of: id, submission.submitter.token)
            case .replayed(let id): return try Self.acceptance(of: id, nil)
            case .conflict: throw Problem.keyConflict
            }
        }
    }

    /// With the token of whoever became a customer, as a header: it isn't told again, and the body is the same each time.
    private static func acceptance(of id: OrderID, _ token: CustomerToken?) throws -> Response {
        struct Acceptance: Encodable {
            let id: OrderID
            let status = "received"
        }
        var response = try JSONAnswer.response(Acceptance(id: id), status: .accepted)
        response.headers[.location] = "/orders/\(id)"
        if let token { response.headers[.customerToken] = token.text }
        return response
    }
}

extension HTTPField.Name {
    fileprivate static let customerToken = Self("Customer-Token").unsafelyUnwrapped
}
