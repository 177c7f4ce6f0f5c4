import Foundation
import Testing

/// Reads the sources. Names that are declared within another type are left out: elsewhere they may mean something else.
@Suite("The folders of the engine depend on each other one way")
struct FolderTests {
    @Test(
        "the engine's verbs know nothing of workers and waiting, and what observes nothing of workers",
        arguments: [
            (folder: "Engine", others: ["Worker", "Wait"]), (folder: "Find", others: ["Worker", "Wait"]),
            (folder: "Observe", others: ["Worker", "Wait"]), (folder: "Wait", others: ["Worker"]),
            (folder: "Watch", others: ["Engine", "Find", "Wait", "Worker"]),
        ])
    func oneWay(folder: String, others: [String]) throws {
        let sources = try Self.sources()
        let own = sources.filter { $0.folder == folder }
        #expect(!own.isEmpty)
        let nested = Set(own.flatMap(\.nested))
        for other in others {
            let names = sources.filter { $0.folder == other }.flatMap(\.declared)
            #expect(!names.isEmpty)
            for source in own {
                let known = names.filter { !nested.contains($0) && source.mentions($0) }
                #expect(known == [], "\(folder)/\(source.name) knows what \(other) declares")
            }
        }
    }

    private struct Source {
        let folder: String
        let name: String
        let code: String
        let words: Set<String>
        /// The types at the left margin.
        let declared: [String]
        let nested: [String]

        init(_ file: URL) throws {
            folder = file.deletingLastPathComponent().lastPathComponent
            name = file.lastPathComponent
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            code = lines.map { $0.replacing(#/(^|\s)//.*/#, with: "") }.joined(separator: "\n")
            words = Set(code.matches(of: #/[A-Za-z_][A-Za-z0-9_]*/#).map { String($0.output) })
            declared = lines.compactMap { line in
                line.firstMatch(of: #/^([a-z]+ )*(struct|class|enum|actor|protocol) (?<name>[A-Z][A-Za-z0-9]*)/#)
                    .map { String($0.output.name) }
            }
            nested = lines.compactMap { line in
                line.firstMatch(of: #/^ +([a-z]+ )*(struct|class|enum|actor) (?<name>[A-Z][A-Za-z0-9]*)/#)
                    .map { String($0.output.name) }
            }
        }

        /// As a word of its own, and not as a member of something.
        func mentions(_ name: String) -> Bool {
            guard words.contains(name), let word = try? Regex("(^|[^A-Za-z0-9_.])\(name)($|[^A-Za-z0-9_])") else {
                return false
            }
            return code.firstMatch(of: word) != nil
        }
    }

    private static func sources() throws -> [Source] {
        var root = URL(filePath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let folder = root.appending(path: "Sources/MessageQueue")
        return try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".swift") }.map { try Source(folder.appending(path: $0)) }
    }
}
