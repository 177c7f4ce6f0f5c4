import Foundation
import MessageQueue
import Postgres
import TestSupport
import Testing

@Suite("The README's library example")
struct ReadmeTests {
    @Test("the README's program greets, and ends with success when it is told to stop")
    func runs() async throws {
        try await Bench.with { bench in
            try await bench.database.script("CREATE TABLE greeted (name text)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                let conninfo = bench.database.conninfo
                group.addTask {
                    let end = try await TestProcess.end(of: "test-programs", ["greeter", conninfo])
                    #expect(end.status == 0)
                }
                try await eventually("Ada is greeted") {
                    try await bench.database.query("SELECT name FROM greeted") { try $0[0, as: String.self] } == ["Ada"]
                }
                let worker = try await bench.number("SELECT pid FROM mq.consumers WHERE name = 'greeter'")
                kill(Int32(worker), SIGTERM)
                try await group.waitForAll()
            }
        }
    }

    @Test(
        "the README's program stands in the README, in the article for beginners and in Examples/Greeter as it stands here",
        arguments: [
            "README.md", "Sources/MessageQueue/MessageQueue.docc/GettingStarted.md",
            "Examples/Greeter/Sources/Greeter/main.swift",
        ])
    func isQuoted(page: String) throws {
        let own = try content(of: "Tests/TestPrograms/Greeter.swift")
        let text = try content(of: page)
        let blocks =
            page.hasSuffix(".swift")
            ? [text]
            : text.components(separatedBy: "```swift\n").dropFirst()
                .compactMap { $0.components(separatedBy: "```").first }
        let programs = blocks.filter { $0.hasPrefix("import MessageQueue") }
        let program = try #require(programs.first)
        let lines = program.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(programs.count == 1 && lines.count >= 15)
        // Only the database is another one here.
        for line in lines where !line.hasPrefix("let database") { #expect(own.contains(line)) }
    }

    @Test("the README is read in one go: it has 150 lines at most, and none is wider than 120 columns")
    func isShort() throws {
        var lines = try content(of: "README.md").split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        #expect(lines.count <= 150)
        #expect(lines.filter { $0.count > 120 } == [])
    }

    private func content(of page: String) throws -> String { try Repository.text(of: page) }
}
