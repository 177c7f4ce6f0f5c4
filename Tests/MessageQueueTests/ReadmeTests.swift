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
        var root = URL(filePath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let own = try String(contentsOf: root.appending(path: "Tests/TestPrograms/Greeter.swift"), encoding: .utf8)
        let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
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
}
