/// Lists of names, of which a caller may see some.
enum NamesInPages {
    /// What the caller may see, read page by page until there is one more than is asked for.
    ///
    /// - Parameters:
    ///   - after: the name behind which it begins.
    ///   - limit: how many are asked for.
    ///   - read: reads so many behind a name.
    static func collect<Entry>(
        after: String?, limit: Int, key: (Entry) -> String, isShown: (Entry) -> Bool,
        read: (_ after: String?, _ limit: Int) async throws -> [Entry]
    ) async throws -> [Entry] {
        var (shown, last) = ([Entry](), after)
        while shown.count <= limit {
            let page = try await read(last, limit + 1)
            shown += page.filter(isShown)
            guard page.count > limit, let end = page.last else { break }
            last = key(end)
        }
        return shown
    }
}
