import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import QueueGateway

extension GatewayTests {
    @Test(
        "with one of two gateways killed under load what was acknowledged is there, deleted stays so, and receipts are good at the other"
    )
    func killed() async throws {
        try await GatewayProcess.with { one in
            for (queue, seconds) in [("load", 10), ("kept", 3600)] {
                let attributes = "<Queue><VisibilityTimeout>\(seconds)</VisibilityTimeout></Queue>"
                #expect(try await one.signed(.PUT, "/queues/\(queue)", attributes).status == 201)
            }
            #expect(try await one.send("kept", to: "kept") == 201)
            try await GatewayProcess.start(on: one.database) { process async throws in
                let victim = GatewayProcess(
                    address: process.addresses["address"] ?? "", credentials: one.credentials, broker: one.broker,
                    database: one.database, process: process)
                let kept = try #require(try await victim.received(from: "kept").first)
                let books = Books()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<8 {
                        group.addTask {
                            for number in 0..<50 {
                                let body = "\(sender)-\(number)"
                                let gateway = number % 2 == 0 ? victim : one
                                if (try? await gateway.send(body, to: "load")) == 201 { books.sent.add(body) }
                                if sender == 0, number == 20 { process.signal(SIGKILL) }
                            }
                        }
                    }
                    for _ in 0..<4 { group.addTask { await consume(at: victim, orAt: one, books) } }
                    try await group.waitForAll()
                }
                let acknowledged = books.sent.all
                #expect(acknowledged.count >= 200)
                #expect(!books.travelled.all.isEmpty, "receipts of the one that was killed were used at the other")
                #expect(try await one.delete(kept.handle, from: "kept") == 204, "a receipt outlasts who handed it out")
                #expect(try await one.delete(kept.handle, from: "kept") == 404)
                var left: Set<String> = []
                try await eventually("all that was acknowledged is deleted, or there") { () async throws -> Bool in
                    left.formUnion(try await one.drain("load"))
                    return left.union(books.deleted.all).union(books.unsure.all).isSuperset(of: acknowledged)
                }
                // Longer than what somebody may still hold is hidden.
                left.formUnion(try await one.drain("load", waiting: 15))
                #expect(left.isDisjoint(with: books.deleted.all), "what was deleted does not come again")
            }
        }
    }

    /// Receives at the one that is killed as long as it is there, and deletes at both.
    private func consume(at victim: GatewayProcess, orAt other: GatewayProcess, _ books: Books) async {
        for _ in 0..<25 {
            let ofVictim = try? await victim.received(from: "load", waiting: 1)
            var found = ofVictim
            if found == nil { found = try? await other.received(from: "load", waiting: 1) }
            for (number, message) in (found ?? []).enumerated() {
                let isElsewhere = number % 2 == 0
                let status = try? await (isElsewhere ? other : victim).delete(message.handle, from: "load")
                if status == 204 {
                    books.deleted.add(message.body)
                    if isElsewhere, ofVictim != nil { books.travelled.add(message.body) }
                } else if status != 404 {
                    books.unsure.add(message.body)
                }
            }
        }
    }

    @Test("what was received through one gateway is deleted through another, once")
    func receiptsTravel() async throws {
        try await GatewayProcess.with { one in
            #expect(try await one.signed(.PUT, "/queues/travel", "<Queue/>").status == 201)
            _ = try await one.signed(
                .POST, "/queues/travel/messages", "<Message><MessageBody>x</MessageBody></Message>")
            let received = try await one.signed(.GET, "/queues/travel/messages").text
            let handle = try #require(received.firstMatch(of: #/<ReceiptHandle>([^<]+)</#)?.1)
            try await GatewayProcess.start(on: one.database) { process async throws in
                let other = GatewayProcess(
                    address: process.addresses["address"] ?? "", credentials: one.credentials, broker: one.broker,
                    database: one.database, process: process)
                let target = "/queues/travel/messages?ReceiptHandle=\(handle)"
                #expect(try await other.signed(.DELETE, target).status == 204)
                #expect(try await one.signed(.DELETE, target).status == 404)
            }
        }
    }
}

extension GatewayProcess {
    fileprivate func send(_ body: String, to queue: String) async throws -> Int {
        try await signed(
            .POST, "/queues/\(queue)/messages", "<Message><MessageBody>\(body)</MessageBody></Message>"
        ).status
    }

    fileprivate func received(
        from queue: String, waiting seconds: Int = 0
    ) async throws -> [(handle: String, body: String)] {
        let target = "/queues/\(queue)/messages?numOfMessages=16&waitseconds=\(seconds)"
        let text = try await signed(.GET, target).text
        return text.matches(of: #/<ReceiptHandle>([^<]+)<.*?<MessageBody>([^<]*)</#).map { match in
            (handle: String(match.1), body: String(match.2))
        }
    }

    fileprivate func delete(_ handle: String, from queue: String) async throws -> Int {
        try await signed(.DELETE, "/queues/\(queue)/messages?ReceiptHandle=\(handle)").status
    }

    /// The bodies of all that is in a queue, each deleted.
    fileprivate func drain(_ queue: String, waiting seconds: Int = 0) async throws -> Set<String> {
        var bodies: Set<String> = []
        while true {
            let found = try await received(from: queue, waiting: seconds)
            if found.isEmpty { return bodies }
            for message in found {
                bodies.insert(message.body)
                #expect(try await delete(message.handle, from: queue) == 204)
            }
        }
    }
}

/// What senders and consumers were told.
private struct Books: Sendable {
    let sent = Bodies()
    let deleted = Bodies()
    /// Of these, those that were received at the one that is killed, and deleted at the other.
    let travelled = Bodies()
    /// Nobody knows whether they were deleted.
    let unsure = Bodies()
}

private final class Bodies: Sendable {
    private let bodies = Mutex<Set<String>>([])

    func add(_ body: String) { bodies.withLock { _ = $0.insert(body) } }
    var all: Set<String> { bodies.withLock { $0 } }
}
