/// Lists of names, of which a caller may see some.
enum NamesInPages {
    /// Where names are passed over, more of them are read at once: a caller who may see one of thousands shall not cost thousands of
    /// queries.
    private static let further = 1000

    /// What the caller may see, read page by page until there is one more than is asked for, or more than that.
    ///
    /// - Parameters:
    ///   - after: the name behind which it begins.
    ///   - limit: how many are asked for.
    ///   - read: reads so many behind a name.
    static func collect<Entry>(
        after: String?, limit: Int, key: (Entry) -> String, isShown: (Entry) -> Bool,
        read: (_ after: String?, _ limit: Int) async throws -> [Entry]
    ) async throws -> [Entry] {
        var (shown, last, size) = ([Entry](), after, limit + 1)
        while shown.count <= limit {
            let page = try await read(last, size)
            shown += page.filter(isShown)
            guard page.count >= size, let end = page.last else { break }
            last = key(end)
            size = max(size, further)
        }
        return shown
    }
}
