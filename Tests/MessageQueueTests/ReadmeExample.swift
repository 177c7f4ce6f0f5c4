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
    let broker = Broker(database)
    try await broker.declare(queue: "greetings")
    try await broker.send("Ada", to: Queue<String>("greetings"))
    try await Worker("greeter", broker: broker, steps: [Greet()]).runService()
}

@Suite("The README's library example")
struct ReadmeTests {
    @Test("does what it says")
    func runs() async throws {
        try await Bench.with { bench in
            try await bench.database.script("CREATE TABLE greeted (name text)")
            let example = Task { try await greet(bench.database) }
            try await eventually("Ada is greeted") {
                try await bench.database.query("SELECT name FROM greeted") { try $0[0, as: String.self] } == ["Ada"]
            }
            example.cancel()
            _ = await example.result
        }
    }

    @Test("stands in the README as it stands here")
    func isQuoted() throws {
        let folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let own = try String(contentsOf: folder.appending(path: "ReadmeExample.swift"), encoding: .utf8)
        let readme = try String(contentsOf: folder.appending(path: "../../README.md").standardized, encoding: .utf8)
        let block = try #require(
            readme.components(separatedBy: "```swift\n").dropFirst().first?.components(separatedBy: "```").first)
        let lines = block.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(lines.count >= 10)
        // Only the database is another one here.
        for line in lines where !line.hasPrefix("let database") { #expect(own.contains(line)) }
    }
}
