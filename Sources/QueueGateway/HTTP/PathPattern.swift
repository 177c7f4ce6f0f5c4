/// Paths that differ in the names in them only: `queues/*/messages`, where a star stands for any name.
struct PathPattern: Sendable {
    let parts: [String]
    /// As it is told of all of them, in metrics and traces: `/queues/{name}/messages`.
    let template: String

    /// - Parameter root: what stands before all of them.
    init(_ text: String, below root: String = "") {
        parts = text.split(separator: "/").map(String.init)
        template = root + "/" + parts.map { $0 == "*" ? "{name}" : $0 }.joined(separator: "/")
    }

    func matches(_ path: [String]) -> Bool {
        parts.count == path.count && zip(parts, path).allSatisfy { $0 == "*" || $0 == $1 }
    }
}

extension Sequence<PathPattern> {
    /// Of the first one that the path is like.
    func template(of path: [String]) -> String? { first { $0.matches(path) }?.template }
}
