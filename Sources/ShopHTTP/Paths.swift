package import HTTPTypes

/// The paths of an API, each with the one method that it has; `*` stands for anything. Those of operations are among them.
///
/// The router answers 404 for whatever is no route. Here it is told whether the path or only the method is wrong,
/// for every method there is. Where there is GET, there is HEAD.
package struct Paths: Sendable {
    private let methods: [([String], HTTPRequest.Method)]

    package init(_ methods: [([String], HTTPRequest.Method)]) {
        self.methods = methods + [(["metrics"], .get), (["health", "live"], .get), (["health", "ready"], .get)]
    }

    /// The method of a path that was asked for by another one; nil when there is nothing at it, or the method is right.
    func method(at path: String, otherThan asked: HTTPRequest.Method) -> HTTPRequest.Method? {
        let parts = path.split(separator: "/").map(String.init)
        let own = methods.first { pattern, _ in
            pattern.count == parts.count && zip(pattern, parts).allSatisfy { $0 == "*" || $0 == $1 }
        }?.1
        return own == (asked == .head ? .get : asked) ? nil : own
    }
}
