import Foundation
import Testing

/// Reads the sources. What is declared within a type is left out, and so is what an extension adds by a name that means
/// something else elsewhere.
@Suite("The folders of the engine depend on each other one way")
struct FolderTests {
    /// What each folder may know of. What stands in none of them, such as `Broker`, puts them together.
    private static let layers: [(folder: String, known: Set<String>)] = [
        ("Telemetry", []),
        ("Watch", ["Telemetry"]),
        ("Engine", ["Telemetry", "Watch"]),
        ("Find", ["Engine"]),
        ("Wait", ["Watch", "Engine"]),
        ("Observe", ["Telemetry", "Watch", "Engine", "Wait"]),
        ("Worker", ["Telemetry", "Watch", "Engine", "Wait", "Observe"]),
    ]

    @Test("every folder has its place, and may know of those before it only")
    func order() throws {
        let folders = Self.layers.map(\.folder)
        #expect(Set(try Self.sources.get().map(\.folder)) == Set(folders + ["MessageQueue"]))
        for (place, layer) in Self.layers.enumerated() { #expect(layer.known.isSubset(of: folders[..<place])) }
    }

    @Test(
        "a folder uses no type, function or member that a folder declares which it may not know of",
        arguments: ["Telemetry", "Watch", "Engine", "Find", "Wait", "Observe", "Worker"])
    func oneWay(folder: String) throws {
        let sources = try Self.sources.get()
        let known = try #require(Self.layers.first(where: { $0.folder == folder })).known
        for other in Self.layers.map(\.folder) where other != folder && !known.contains(other) {
            let declared = sources.names(\.declared) { $0 == other }.subtracting(sources.names(\.own) { $0 == folder })
            let added = sources.names(\.added) { $0 == other }.subtracting(sources.names(\.own) { $0 != other })
            #expect(!declared.isEmpty)
            for source in sources where source.folder == folder {
                let used = source.words.intersection(declared.union(added)).union(source.members.intersection(added))
                #expect(used == [], "\(folder)/\(source.name) knows what \(other) declares")
            }
        }
    }

    fileprivate struct Source {
        let folder: String
        let name: String
        /// The types and functions at the left margin.
        var declared: Set<String> = []
        /// What extensions add to types.
        var added: Set<String> = []
        /// What it gives a meaning itself, labels and parameters among it.
        let own: Set<String>
        /// What it names by itself, and as a member of something.
        let words, members: Set<String>

        init(_ file: URL) throws {
            folder = file.deletingLastPathComponent().lastPathComponent
            name = file.lastPathComponent
            let code = try String(contentsOf: file, encoding: .utf8)
                .replacing(#/(^|\s)//.*/#, with: "").replacing(#/"""[\s\S]*?"""|"[^"\n]*"/#, with: "")
            let given = code.matches(of: #/\b(?:func|var|let|case|struct|class|enum|actor|protocol) (\w+)|\b(\w+):/#)
            own = Set(given.compactMap { ($0.output.1 ?? $0.output.2).map(String.init) })
            let named = code.matches(of: #/(\.?)([A-Za-z_]\w*)/#).map(\.output)
            words = Set(named.filter { $0.1.isEmpty }.map { String($0.2) })
            members = Set(named.filter { !$0.1.isEmpty }.map { String($0.2) })
            noteDeclarations(in: code)
        }

        private mutating func noteDeclarations(in code: String) {
            let margin = #/^(?:\S+ )*?(?<kind>struct|class|enum|actor|protocol|func|extension) (?<name>\w*)/#
            let member = #/^ {4}(?:\S+ )*?(?:func|var|let|struct|class|enum|actor) (?<name>\w+)/#
            var isInExtension = false
            for line in code.split(separator: "\n") {
                let isPrivate = line.contains("private ")
                if let found = line.firstMatch(of: margin) {
                    isInExtension = found.output.kind == "extension" && !isPrivate
                    if found.output.kind != "extension", !isPrivate { declared.insert(String(found.output.name)) }
                } else if isInExtension, !isPrivate, let found = line.firstMatch(of: member) {
                    added.insert(String(found.output.name))
                }
            }
        }
    }

    private static let sources = Result { try Self.read() }

    private static func read() throws -> [Source] {
        var root = URL(filePath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let folder = root.appending(path: "Sources/MessageQueue")
        return try FileManager.default.subpathsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".swift") }.map { try Source(folder.appending(path: $0)) }
    }
}

extension [FolderTests.Source] {
    /// Those of all sources of some folders.
    fileprivate func names(_ kind: KeyPath<Element, Set<String>>, where isMeant: (String) -> Bool) -> Set<String> {
        filter { isMeant($0.folder) }.reduce(into: []) { $0.formUnion($1[keyPath: kind]) }
    }
}
