extension Sequence {
    /// What the messages say.
    public func payloads<P>() -> [P] where Element == SentMessage<P> { map(\.payload) }
    /// What the messages say.
    public func payloads<P>() -> [P] where Element == PublishedMessage<P> { map(\.payload) }
    /// What the messages say.
    public func payloads<P>() -> [P] where Element == DeadMessage<P> { map(\.payload) }
}

extension Collection where Element: Sendable {
    /// The one element that matches.
    ///
    /// - Throws: ``TestError/notOnlyOne(found:among:)``, with everything that is there, when there are several or none.
    public func only(where matches: (Element) throws -> Bool = { _ in true }) throws -> Element {
        let found = try filter(matches)
        guard found.count == 1 else { throw TestError.notOnlyOne(found: found.count, among: map { "\($0)" }) }
        return found[0]
    }
}
