import Foundation
import Testing

@Suite("The sources keep to what CONTRIBUTING.md says of them")
struct SourceTests {
    @Test(
        "no line of code, SQL or prose is wider than 140 columns, but for tables and what is generated",
        arguments: ["Sources", "Tests", "Documentation", "Migrations", "Scenarios"])
    func width(folder: String) throws {
        let texts = try [".swift", ".sql", ".md"].flatMap { try Repository.files(in: folder, endingIn: $0) }
        #expect(!texts.isEmpty)
        for path in texts where path != "Documentation/plots/README.md" { try expectNarrow(path) }
    }

    @Test(
        "no line of the pages at the top is wider than 140 columns, but for tables",
        arguments: ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"])
    func width(page: String) throws { try expectNarrow(page) }

    @Test("only the files that CONTRIBUTING.md names can call libpq")
    func libPQ() throws {
        let all = try ["Sources", "Tests"].flatMap { try Repository.files(in: $0, endingIn: ".swift") }
        let callers = try all.filter { try lines(of: $0).contains { $0.hasSuffix("import CLibPQ") } }
        #expect(callers.count == 3)
        let page = try Repository.text(of: "CONTRIBUTING.md")
        for path in callers { #expect(page.contains("`\(URL(filePath: path).lastPathComponent)`")) }
    }

    @Test("each metric of a program's own has a name as the library's have, and stands on a page")
    func metrics() throws {
        let pages = try Repository.files(in: "Documentation", endingIn: ".md").map(Repository.text).joined()
        let sources = try Repository.files(in: "Sources", endingIn: ".swift").map(Repository.text)
        let made = sources.flatMap { $0.matches(of: #/\b(Counter|Timer)\(\s*label: "([^"]+)"/#) }
        #expect(made.count >= 5)
        for (_, kind, name) in made.map(\.output) {
            #expect(name.hasSuffix(kind == "Counter" ? "_total" : "_seconds"), "\(name)")
            #expect(name.wholeMatch(of: #/[a-z]+(_[a-z]+)+/#) != nil && pages.contains("`\(name)`"), "\(name)")
        }
    }

    private func expectNarrow(_ path: String) throws {
        for line in try lines(of: path) where line.utf8.count > 140 && line.count > 140 {
            #expect(path.hasSuffix(".md") && line.hasPrefix("|"), "\(path): \(line)")
        }
    }

    private func lines(of path: String) throws -> [Substring] { try Repository.text(of: path).split(separator: "\n") }
}
