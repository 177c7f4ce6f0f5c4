import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

/// Whoever sends a message, places an order or makes a key chooses texts that an operator reads later.
@Suite("Stored texts on an operator's terminal", .timeLimit(.minutes(10)))
struct StoredTextTests {
    private static let evil = "x\u{1B}[31mred\u{9B}2J\nforged\r\nforged\rforged"

    @Test("in no command's answer a stored text steers the terminal, or makes a line of its own")
    func everyCommand() async throws {
        try await TestDatabase.with(.openShop) { database in
            let stored = try await store(on: database)
            let whole = [
                ["messages", "show", stored.waiting], ["dead", "show", stored.dead], ["orders", "show", stored.order],
                ["send", "--queue", "letters", "--from", stored.waiting, "--dry-run"], ["action", stored.action],
            ]
            // As much of them as there is room for.
            let tables = [
                ["audit"], ["messages", "find", "--queue", "letters"], ["dead", "list"], ["dead", "reasons"],
                ["blocked", "list"], ["trace", stored.waiting], ["workers"], ["queues"], ["topics"],
                ["top", "--once"], ["keys", "list"], ["orders", "find"],
            ]
            for command in whole + tables {
                let end = try await TestProcess.end(
                    of: "shoeshop", command, environment: ["DATABASE_URL": database.conninfo])
                #expect(end.status == 0, "\(command): \(end)")
                #expect(!end.output.unicodeScalars.contains { "\u{1B}\u{9B}\r".unicodeScalars.contains($0) }, "\(end)")
                let lines = end.output.split(separator: "\n")
                #expect(!lines.contains { $0.hasPrefix("forged") || $0.hasPrefix("\"forged") }, "\(command): \(end)")
                if whole.contains(command) { #expect(end.output.contains(#"\u{1b}[31mred"#), "\(command): \(end)") }
            }
        }
    }

    private struct Stored {
        let waiting, dead, order, action: String
    }

    private func store(on database: Database) async throws -> Stored {
        let broker = Broker(database)
        let evil = Self.evil
        try await broker.declare(queue: "letters")
        try await broker.declare(queue: "accounts", QueueSettings(order: .blockOnFailure))
        func draft() -> Draft {
            Draft(body: Array("[\n\"forged\"]".utf8), key: evil, tag: evil, headers: ["h": evil])
        }
        let (dead, blocking, waiting) = (draft(), draft(), draft())
        try await broker.send(dead, to: "letters")
        try await broker.send(blocking, to: "accounts")
        for queue in ["letters", "accounts"] as [QueueName] {
            let received = try await broker.receive(queue, lease: .seconds(600))
            try await broker.deadLetter(received.map { .init($0, reason: evil, error: evil) })
        }
        try await broker.send(waiting, to: "letters")
        let key = NewAccessKey(id: "KEY", label: evil, sealedSecret: [1], permissions: "[]")
        let isMade = try await Operator(evil, via: evil).act { try await broker.create(accessKey: key) }
        #expect(isMade)
        let action = try #require(try await broker.operatorActions().first)
        let order = try await order(on: database)
        return Stored(
            waiting: "\(waiting.id)", dead: "\(dead.id)", order: "\(order)", action: "\(action.number)")
    }

    private func order(on database: Database) async throws -> OrderID {
        let evil = Self.evil
        let draft = OrderDraft(
            customer: Customer(name: evil, email: evil),
            address: Address(recipient: evil, street: evil, city: evil, postcode: "53111", country: "DE"),
            lines: [OrderLine(sku: SKU("RUNNER-42-TAN"), quantity: 1)], paymentToken: "tok_visa_1")
        let outcomes = try await database.write { session in
            try SubmitOrders(Broker(database)).commit([Submission(draft: draft, key: nil, body: [])], in: session)
        }
        guard case .accepted(let id) = outcomes[0] else { throw NeverHappened(description: "it was not accepted") }
        return id
    }
}
