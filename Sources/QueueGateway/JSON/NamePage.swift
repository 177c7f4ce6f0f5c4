/// Which part of a list of names is asked for.
struct NamePage {
    let prefix: String
    let after: String?
    let limit: Int

    private static let limits = 1...1000
    private static let usual = 100

    init(_ parameters: inout Parameters) {
        prefix = parameters.text("prefix") ?? ""
        after = parameters.text("after")
        limit = parameters.integer("limit", in: Self.limits) ?? Self.usual
    }

    /// The entries that the caller may see, and the name after which the next page begins, if there is one.
    func collect<Entry>(
        key: (Entry) -> String, isShown: (Entry) -> Bool, read: (_ after: String?, _ limit: Int) async throws -> [Entry]
    ) async throws -> (entries: [Entry], next: String?) {
        let shown = try await NamesInPages.collect(
            after: after, limit: limit, key: key, isShown: isShown, read: read)
        let entries = Array(shown.prefix(limit))
        return (entries, shown.count > limit ? entries.last.map(key) : nil)
    }
}
