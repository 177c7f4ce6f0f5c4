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
            submission.submitter = try await submitter(of: request)
            switch try await desk.submit(submission) {
            case .accepted(let id): return try Self.acceptance(of: id, submission.submitter.token)
            case .replayed(let id):
                return try Self.acceptance(of: id, try await reader.token(of: submission.submitter, owning: id))
            case .conflict: throw Problem.keyConflict
            }
        }
    }

    /// By the token that is shown, as one that is known already, or of the client's own choice.
    private func submitter(of request: Request) async throws -> Submitter {
        let chosen = try request.chosenToken
        guard request.headers[.authorization] != nil else { return chosen.map(Submitter.showing) ?? .new() }
        guard chosen == nil else { throw Self.twoTokens }
        guard let customer = try await FollowRoutes.customer(of: request, reader) else { throw FollowRoutes.unknown }
        return .known(customer)
    }

    /// With the token by which the order is its customer's, as a header: the body is the same each time.
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

    private static var twoTokens: Problem {
        Problem(.badRequest, "Send the Customer-Token or Authorization, not both.")
    }
}

extension Request {
    /// What the client wants to be known by.
    fileprivate var chosenToken: CustomerToken? {
        get throws {
            guard let text = headers[.customerToken] else { return nil }
            guard let token = CustomerToken(text) else {
                throw Problem(.badRequest, "The Customer-Token must be 43 letters and digits, chosen at random.")
            }
            return token
        }
    }
}

extension HTTPField.Name {
    fileprivate static let customerToken = Self("Customer-Token").unsafelyUnwrapped
}
