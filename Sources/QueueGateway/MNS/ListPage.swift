import Foundation
import HTTPTypes

/// Which part of a list is asked for, by headers.
struct ListPage {
    let prefix: String
    let after: String?
    let limit: Int
    let withMeta: Bool

    private static let limits = 1...1000

    /// - Throws: ``Refusal``.
    init(_ call: Call) throws {
        prefix = call.headers[.lowercase("x-mns-prefix")] ?? ""
        withMeta = call.headers[.lowercase("x-mns-with-meta")]?.lowercased() == "true"
        let number = call.headers[.lowercase("x-mns-ret-number")] ?? "\(Self.limits.upperBound)"
        guard let limit = Int(number), Self.limits.contains(limit) else {
            throw Refusal.outside("x-mns-ret-number", Self.limits)
        }
        self.limit = limit
        after = try call.headers[.lowercase("x-mns-marker")].map { marker in
            guard let name = Data(base64Encoded: marker).flatMap({ String(validating: $0, as: UTF8.self) }),
                !name.utf8.contains(0)
            else {
                throw Refusal(.invalidArgument, "x-mns-marker is none that was told here.")
            }
            return name
        }
    }

    /// The entries, and where to go on when there are more.
    ///
    /// - Parameter found: one more than is asked for, or more, if there are so many.
    func element<Entry>(
        _ name: String, _ found: [Entry], key: (Entry) -> String, show: (Entry) -> XMLElement
    ) -> XMLElement {
        let shown = found.prefix(limit)
        let next = found.count > limit ? shown.last.map { Data(key($0).utf8).base64EncodedString() } : nil
        return XMLElement(name, shown.map(show) + [next.map { XMLElement("NextMarker", $0) }])
    }

    /// What the caller may see, up to one more than is asked for, or more.
    func collect<Entry>(
        key: (Entry) -> String, isShown: (Entry) -> Bool, read: (_ after: String?, _ limit: Int) async throws -> [Entry]
    ) async throws -> [Entry] {
        try await NamesInPages.collect(after: after, limit: limit, key: key, isShown: isShown, read: read)
    }
}
