import HTTPTypes

/// The paths of `openapi.yaml`, each with the one method that it has; `*` is an order's id.
///
/// The router answers 404 for whatever is no route. Here it is told whether the path or only the method is wrong,
/// for every method there is, HEAD included.
enum Paths {
    private static let methods: [([String], HTTPRequest.Method)] = [
        (["orders"], .post), (["orders", "*"], .get), (["orders", "*", "events"], .get),
        (["orders", "*", "invoice"], .get), (["orders", "*", "cancel"], .post), (["products"], .get),
        (["openapi.yaml"], .get), (["metrics"], .get),
        (["health", "live"], .get), (["health", "ready"], .get),
    ]

    /// The method of a path; nil when there is nothing at it.
    static func method(at path: String) -> HTTPRequest.Method? {
        let parts = path.split(separator: "/").map(String.init)
        return methods.first { pattern, _ in
            pattern.count == parts.count && zip(pattern, parts).allSatisfy { $0 == "*" || $0 == $1 }
        }?.1
    }
}
