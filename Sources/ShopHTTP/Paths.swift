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

    /// The method of a path; nil when there is nothing at it.
    func method(at path: String) -> HTTPRequest.Method? {
        let parts = path.split(separator: "/").map(String.init)
        return methods.first { pattern, _ in
            pattern.count == parts.count && zip(pattern, parts).allSatisfy { $0 == "*" || $0 == $1 }
        }?.1
    }
}
