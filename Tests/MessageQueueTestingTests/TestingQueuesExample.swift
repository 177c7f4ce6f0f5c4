import Foundation
import MessageQueue
import MessageQueueTesting
import Postgres
import TestSupport
import Testing

/// The example that the catalogue of `MessageQueueTesting` begins with, in its words.
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

@Suite("The example of the article on testing queues")
struct TestingQueuesExampleTests {
    @Test("the example of the article on testing queues does what it says")
    func runs() async throws {
        try await TestBroker.with { test in
            for queue: QueueName in ["signups", "reminders"] { try await test.broker.declare(queue: queue) }
            try await welcome(test.broker)
        }
    }

    @Test("the example of the article on testing queues stands there as it stands here")
    func isQuoted() throws {
        let article = "Sources/MessageQueueTesting/MessageQueueTesting.docc/TestingQueues.md"
        var root = URL(filePath: #filePath)
        let own = try String(contentsOf: root, encoding: .utf8)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let text = try String(contentsOf: root.appending(path: article), encoding: .utf8)
        let block = try #require(
            text.components(separatedBy: "```swift\n").dropFirst().first?.components(separatedBy: "```").first)
        let lines = block.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(lines.count >= 12)
        for line in lines { #expect(own.contains(line)) }
    }
}
