import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ShopHTTP

/// The fields of a form that one of our own pages posted.
struct FormFields {
    private let items: [URLQueryItem]

    private static let limit = 64 * 1024

    /// - Parameter lists: the names that may have several values. Of another one that has two, nobody knows which is
    ///   meant.
    /// - Throws: `Problem` for a form of another site (browsers say with each where it comes from), and for what is no form.
    init(of request: Request, listing lists: Set<String> = []) async throws {
        try Self.check(request)
        let type = request.headers[.contentType]?.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
        guard type?.lowercased() == "application/x-www-form-urlencoded" else {
            throw Problem(.unsupportedMediaType, "A form was expected.")
        }
        let body: ByteBuffer
        do { body = try await request.body.collect(upTo: Self.limit) } catch is NIOTooManyBytesError {
            throw Problem(.contentTooLarge, "The form may have 64 KiB at most.")
        } catch {
            throw Problem(.badRequest, "The form did not come to its end.")
        }
        guard let components = URLComponents(string: "?" + String(buffer: body).replacing("+", with: "%20")) else {
            throw Problem(.badRequest, "The fields can't be read.")
        }
        items = components.queryItems ?? []
        if let twice = Set(items.map(\.name)).subtracting(lists).sorted().first(where: { all($0).count > 1 }) {
            throw Problem(.badRequest, "The field \(twice) is there twice.")
        }
    }

    subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    func all(_ name: String) -> [String] { items.filter { $0.name == name }.compactMap(\.value) }

    /// - Throws: `Problem` for a form of another site. What says nothing of where it comes from is no browser's.
    static func check(_ request: Request) throws {
        if let site = request.headers[.secFetchSite] {
            guard site == "same-origin" else { throw Problem(.forbidden, "This form is not from this shop.") }
        } else if let origin = request.headers[.origin] {
            guard origin.split(separator: "://", maxSplits: 1).last.map(String.init) == request.head.authority else {
                throw Problem(.forbidden, "This form is not from this shop.")
            }
        }
    }
}

extension HTTPField.Name {
    fileprivate static let secFetchSite = Self("Sec-Fetch-Site").unsafelyUnwrapped
}
