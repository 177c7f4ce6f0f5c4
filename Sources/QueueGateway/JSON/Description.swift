import Foundation
import HTTPTypes

/// What the API tells of itself.
enum Description {
    /// The page at a path; nil for the path of a route.
    ///
    /// - Throws: ``Problem``.
    static func page(_ call: Call, _ path: [String]) throws -> Answer? {
        guard call.path.first == "v1", let (type, body) = pages[path] else { return nil }
        guard [.get, .head].contains(call.method) else { throw Route.notAllowed([.get]) }
        return Answer(
            status: .ok, headers: [.contentType: type, .requestID: "\(call.id)", .cacheControl: "max-age=3600"],
            body: body)
    }

    /// The whole path of a page; nil where there is none.
    static func template(of path: [String]) -> String? {
        pages[path].map { _ in "/v1/" + path.joined(separator: "/") }
    }

    private static let pages: [[String]: (type: String, body: [UInt8])] = [
        ["openapi.yaml"]: ("application/yaml", PackageResources.openapi_yaml),
        ["problems"]: ("application/json", problems.bytes),
    ]

    private static let problems: JSONText = [
        "problems": .array(
            Problem.Code.allCases.map { code in
                ["code": .string(code.rawValue), "status": .integer(code.status), "title": .string(code.title)]
            })
    ]
}
