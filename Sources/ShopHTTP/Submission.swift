import Foundation
import HTTPTypes
package import Hummingbird
import NIOCore
package import ShoeShop
import StrictJSON

/// The order form as it is posted: JSON, and perhaps an `Idempotency-Key`.
extension Submission {
    private static let bodyLimit = 64 * 1024
    private static let decoder = JSONDecoder()

    /// - Throws: `Problem` that names everything that is wrong.
    package init(of request: Request) async throws {
        let key = try Self.idempotencyKey(of: request)
        let body = try await Self.body(of: request)
        self.init(draft: try Self.draft(in: body), key: key, body: body)
    }

    private static func idempotencyKey(of request: Request) throws -> IdempotencyKey? {
        guard let text = request.headers[.idempotencyKey] else { return nil }
        guard let key = IdempotencyKey(text) else {
            throw Problem(.badRequest, "The Idempotency-Key must be 1 to 200 visible ASCII characters.")
        }
        return key
    }

    private static func body(of request: Request) async throws -> [UInt8] {
        let type = request.headers[.contentType]?.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
        guard type?.lowercased() == "application/json" else {
            throw Problem(
                .unsupportedMediaType, "The body must be JSON.", detail: "Send it with Content-Type: application/json.")
        }
        do {
            return [UInt8](try await request.body.collect(upTo: bodyLimit).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem(.contentTooLarge, "The body may have 64 KiB at most.")
        } catch {
            // The customer hung up, or what came is no HTTP. There is nobody to answer, and nothing wrong here.
            throw Problem(.badRequest, "The body did not come to its end.")
        }
    }

    private static func draft(in body: [UInt8]) throws -> OrderDraft {
        let form: OrderForm
        do {
            try StrictJSON.check(body)
            form = try decoder.decode(OrderForm.self, from: Data(body))
        } catch {
            throw Problem(.badRequest, "The body is no JSON.", detail: JSONProblem.explanation(of: error))
        }
        guard let draft = form.draft else {
            throw Problem(.unprocessableContent, "Fields are missing or wrong.", errors: form.errors)
        }
        return draft
    }
}

extension Problem {
    package static let keyConflict = Problem(
        .unprocessableContent, "The Idempotency-Key was used for another body.",
        detail: "Use a new key for a new order, or send the first body again.")
}

/// What a decoder says about text that is no JSON.
private enum JSONProblem {
    static func explanation(of error: any Error) -> String? {
        if let flaw = error as? StrictJSON.Flaw { return "There is \(flaw)." }
        guard case DecodingError.dataCorrupted(let context) = error else { return nil }
        let underlying = (context.underlyingError as NSError?)?.userInfo["NSDebugDescription"] as? String
        return underlying ?? context.debugDescription
    }
}

extension HTTPField.Name {
    static let idempotencyKey = Self("Idempotency-Key").unsafelyUnwrapped
}
