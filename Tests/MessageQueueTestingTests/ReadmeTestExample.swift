import Foundation
import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport
import Testing

/// The testing example of the README, in the words of the README.
struct Welcome: Step {
    let queue = Queue<String>("signups")
    let broker: Broker
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {
        let reminders = batch.map { Outgoing($0.payload, key: $0.key, delay: .seconds(86_400)) }
        try broker.send(reminders, to: Queue("reminders"), in: session)
    }
}

private func welcome(_ broker: Broker) async throws {
    let test = TestBroker(broker)
    try await broker.send("Ada", to: Queue("signups"), key: "customer-1")
    try await test.drain([Welcome(broker: broker)]).requireAllDone()

    let reminder = try await test.sent(to: Queue<String>("reminders")).only { $0.key == "customer-1" }
    #expect(reminder.payload == "Ada" && reminder.delay == .days(1))
    #expect(try await test.drain([Remind()]).done() == 0)
    try await test.advance(by: .days(1))
    #expect(try await test.drain([Remind()]).done() == 1)
}

private struct Remind: Step {
    let queue = Queue<String>("reminders")
    func commit(_ batch: [Delivery<String>], in session: borrowing Session) throws {}
}

@Suite("The README's testing example")
struct ReadmeTests {
    @Test("does what it says")
    func runs() async throws {
        try await TestBroker.with { test in
            for queue: QueueName in ["signups", "reminders"] { try await test.broker.declare(queue: queue) }
            try await welcome(test.broker)
        }
    }

    @Test("stands in the README as it stands here")
    func isQuoted() throws {
        let folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let own = try String(contentsOf: folder.appending(path: "ReadmeTestExample.swift"), encoding: .utf8)
        let readme = try String(contentsOf: folder.appending(path: "../../README.md").standardized, encoding: .utf8)
        let blocks = readme.components(separatedBy: "```swift\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
        let block = try #require(blocks.first { $0.contains("TestBroker") })
        let lines = block.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(lines.count >= 12)
        for line in lines { #expect(own.contains(line)) }
    }
}
