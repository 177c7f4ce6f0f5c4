import Foundation
import MessageQueue
import Postgres
import TestSupport
import Testing

/// The library example of the README, in the words of the README.
struct Greet: Step {
    let queue = Queue<String>("greetings")
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {
        for greeting in batch { session.pipeline("INSERT INTO greeted (name) VALUES ($1)", greeting.payload) }
    }
}

private func greet(_ database: Database) async throws {
    try await Migrator(.messageQueue).run(on: database)
    try await database.execute("CREATE TABLE IF NOT EXISTS greeted (name text)")
    let broker = Broker(database)
    try await broker.declare(queue: "greetings")
    try await broker.send("Ada", to: Queue<String>("greetings"))
    try await Worker("greeter", broker: broker, steps: [Greet()]).runService()
}

@Suite("The README's library example")
struct ReadmeTests {
    @Test("the README's program greets, and ends with success when it is told to stop")
    func runs() async throws {
        try await Bench.with { bench in
            try await bench.database.script("CREATE TABLE greeted (name text)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                let conninfo = bench.database.conninfo
                group.addTask {
                    await #expect(processExitsWith: .success) { [conninfo = conninfo as String] in
                        try await greet(Database(conninfo))
                    }
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
        let own = try String(contentsOf: root, encoding: .utf8)
        for _ in 0..<3 { root.deleteLastPathComponent() }
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
