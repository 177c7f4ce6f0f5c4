import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

/// The commands that the page on operating lists, as an operator runs them.
@Suite("Commands of an operator", .timeLimit(.minutes(10)))
struct OperatorCommandTests {
    /// What a command answers to a program.
    private func answer(of command: [String], on database: Database) async throws -> Any {
        let output = try await TestProcess.output(
            of: "shoeshop", command + ["--json", "--database-url", database.conninfo])
        return try JSONSerialization.jsonObject(with: Data(output.utf8))
    }

    private func queue(_ name: String, on database: Database) async throws -> [String: Any] {
        let queues = try await answer(of: ["queues"], on: database) as? [[String: Any]]
        return try #require(queues?.first { $0["queue"] as? String == name })
    }

    /// Gives a message up, as a step does that knows better than to try again.
    private func giveUp(_ message: Outgoing<String>, in queue: QueueName, of broker: Broker) async throws {
        try await broker.send([message], to: Queue(queue))
        let received = try await broker.receive(queue, lease: .seconds(600))
        try await broker.deadLetter(received.map { .init($0, reason: "test", error: "it was given up") })
    }

    @Test(
        "commands of an operator answer programs in JSON, also where there is nothing to tell",
        arguments: [
            ["queues"], ["topics"], ["trace", "nothing"], ["dead", "list"], ["dead", "show", "nothing"],
            ["dead", "redrive", "--all"], ["dead", "purge", "--all"], ["blocked", "list"], ["pause", "orders"],
            ["resume", "orders"], ["limit", "orders", "--rate", "50"], ["migrate"],
        ])
    func json(command: [String]) async throws {
        try await TestDatabase.with(.openShop) { database in
            let answer = try await answer(of: command, on: database)
            #expect(answer is [Any] || answer is [String: Any])
        }
    }

    @Test("an empty database is migrated once, and then is up to date")
    func migrate() async throws {
        try await TestDatabase.with(.empty) { database in
            #expect(try await (answer(of: ["migrate"], on: database) as? [String])?.isEmpty == false)
            #expect(try await (answer(of: ["migrate"], on: database) as? [String])?.isEmpty == true)
            #expect(try await queue("orders", on: database)["waiting"] as? Int == 0)
            let topics = try await answer(of: ["topics"], on: database) as? [[String: Any]]
            #expect(topics?.contains { $0["topic"] as? String == "order-processed" } == true)
        }
    }

    @Test("a paused queue is shown as paused, delivers nothing, and is resumed")
    func pause() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            _ = try await answer(of: ["pause", "orders"], on: database)
            #expect(try await queue("orders", on: database)["isPaused"] as? Bool == true)
            try await broker.send("an order", to: Queue<String>("orders"))
            #expect(try await broker.receive("orders", lease: .seconds(60)).isEmpty)
            _ = try await answer(of: ["resume", "orders"], on: database)
            #expect(try await broker.receive("orders", lease: .seconds(60)).count == 1)
        }
    }

    @Test("a limit holds as soon as it is set, and no more once it is taken away")
    func limit() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await broker.send((0..<5).map { Outgoing("order \($0)") }, to: Queue("orders"))
            _ = try await answer(of: ["limit", "orders", "--concurrency", "2"], on: database)
            #expect(try await broker.receive("orders", limit: 5, lease: .seconds(60)).count == 2)
            _ = try await answer(of: ["limit", "orders", "--none"], on: database)
            var received = 0
            try await eventually("the others are received, from whichever lane") {
                received += try await broker.receive("orders", limit: 5, lease: .seconds(60)).count
                return received == 3
            }
        }
    }

    @Test("dead letters are listed, shown, counted in a dry run, sent back and deleted")
    func dead() async throws {
        try await TestDatabase.with(.openShop) { database in
            for key in ["order-1", "order-2"] {
                try await giveUp(Outgoing("an order", key: key), in: "orders", of: Broker(database))
            }
            let listed = try await answer(of: ["dead", "list", "--reason", "test"], on: database) as? [[String: Any]]
            #expect(listed?.compactMap { $0["key"] as? String } == ["order-1", "order-2"])
            let shown = try await answer(of: ["dead", "show", "order-2"], on: database) as? [[String: Any]]
            #expect(shown?.compactMap { $0["error"] as? String } == ["it was given up"])

            func moved(_ command: [String]) async throws -> Int? {
                try await (answer(of: ["dead"] + command, on: database) as? [String: Any])?["moved"] as? Int
            }
            #expect(try await moved(["redrive", "--order", "order-1", "--dry-run"]) == 0)
            #expect(try await queue("orders", on: database)["dead"] as? Int == 2)
            #expect(try await moved(["redrive", "--order", "order-1"]) == 1)
            #expect(try await moved(["purge", "--queue", "orders"]) == 1)
            let now = try await queue("orders", on: database)
            #expect(now["dead"] as? Int == 0 && now["waiting"] as? Int == 1 && now["purged"] as? Int == 1)
            let trace = try await answer(of: ["trace", "order-1"], on: database) as? [[String: Any]]
            #expect(trace?.compactMap { $0["outcome"] as? String } == ["dead", "waiting"])
        }
    }

    @Test("a blocked key is listed, tried again, and skipped to the dead letters")
    func blocked() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await broker.declare(queue: "accounts", QueueSettings(order: .blockOnFailure))
            try await giveUp(Outgoing("a booking", key: "ada"), in: "accounts", of: broker)
            let keys = try await answer(of: ["blocked", "list"], on: database) as? [[String: Any]]
            #expect(keys?.compactMap { $0["key"] as? String } == ["ada"])

            _ = try await answer(of: ["blocked", "retry", "accounts", "ada"], on: database)
            let again = try await broker.receive("accounts", lease: .seconds(60))
            #expect(again.map(\.message.key) == ["ada"])
            try await broker.deadLetter(again.map { .init($0, reason: "test", error: "again") })
            _ = try await answer(of: ["blocked", "skip", "accounts", "ada"], on: database)
            #expect(try await (answer(of: ["blocked", "list"], on: database) as? [Any])?.isEmpty == true)
            #expect(try await queue("accounts", on: database)["dead"] as? Int == 1)
        }
    }
}

extension SystemTests {
    @Test("one command opens the shop, puts the sample orders through it, and ends with success once the books balance")
    func upOnce() async throws {
        let folder = "/tmp/shoeshop-up-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let output = try await TestProcess.output(of: "shoeshop", ["up", "--once", "--json", "--folder", folder])
        let report = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        let summary = try #require(report["summary"] as? [String: Any])
        #expect(report["balance"] as? Bool == true && summary["accepted"] as? Int == 600)
        #expect(summary["waiting"] as? Int == 0 && summary["lost"] as? Int == 0)
    }

    @Test("the password of a shop's database stands in no command line, no output and no log")
    func password() async throws {
        let secret = "sesame-\(UUID().uuidString)"
        let folder = "/tmp/shoeshop-secret-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await TestDatabase.with(.empty) { database in
            let environment = ["DATABASE_URL": "\(database.conninfo) password='\(secret)'", "TMPDIR": folder]
            async let end = TestProcess.end(
                of: "shoeshop", ["up", "--once", "--folder", folder], environment: environment)
            // The sandbox, the API and four workers have told where they are, and the shop itself.
            try await eventually("the shop is open") {
                // The folder comes with the shop.
                try FileManager.default.subpathsOfDirectory(atPath: folder).count { $0.hasPrefix("run/") } > 6
            }
            #expect(try ProcessTable.count(withTemporaryFolder: folder) > 6)
            #expect(try ProcessTable.count(withTemporaryFolder: folder, calledLike: secret) == 0)
            let told = try await end
            #expect(told.status == 0 && !(told.output + told.complaint).contains(secret), "\(told)")
        }
        for log in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/logs") {
            let text = try String(contentsOfFile: "\(folder)/logs/\(log)", encoding: .utf8)
            #expect(!text.isEmpty && !text.contains(secret), "\(log)")
        }
    }
}
