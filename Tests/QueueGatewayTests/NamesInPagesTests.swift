import Testing

@testable import QueueGateway

@Suite("Lists of names of which a caller may see some")
struct NamesInPagesTests {
    private let names = (0..<5000).map { 10_000 + $0 }.map { "q\($0)" }

    /// What is shown behind a name, and how often something was read for it.
    private func collect(
        _ limit: Int, after: String? = nil, isShown: (String) -> Bool
    ) async throws -> (shown: [String], reads: Int) {
        var reads = 0
        let shown = try await NamesInPages.collect(after: after, limit: limit, key: { $0 }, isShown: isShown) {
            last, size in
            reads += 1
            return Array(names.drop { name in last.map { name <= $0 } ?? false }.prefix(size))
        }
        return (shown, reads)
    }

    @Test("what the caller may see is found behind any number of others, by few reads")
    func hidden() async throws {
        let last = try await collect(1) { $0 == "q14999" }
        #expect(last.shown == ["q14999"] && last.reads < 10, "\(last.reads) reads")
        let none = try await collect(1) { _ in false }
        #expect(none.shown.isEmpty && none.reads < 10, "\(none.reads) reads")
    }

    @Test("pages one after the other show each name once, however many are passed over", arguments: [1, 7, 100, 1000])
    func pages(limit: Int) async throws {
        let visible = names.filter { $0.hasSuffix("3") || $0 > "q14500" }
        var (found, after) = ([String](), String?.none)
        while true {
            let shown = try await collect(limit, after: after) { $0.hasSuffix("3") || $0 > "q14500" }.shown
            found += shown.prefix(limit)
            guard shown.count > limit else { break }
            after = found.last
        }
        #expect(found == visible)
    }
}
