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
        "two gateways of which one is killed under load lose nothing that was acknowledged, and receipts stay good at the other"
    )
    func killed() async throws {
        try await GatewayProcess.with { one in
            #expect(try await one.signed(.PUT, "/queues/load", "<Queue/>").status == 201)
            try await GatewayProcess.start(on: one.database) { process async throws in
                let other = GatewayProcess(
                    address: process.addresses["address"] ?? "", credentials: one.credentials, broker: one.broker,
                    database: one.database, process: process)
                let sent = Acknowledged()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<8 {
                        group.addTask {
                            for number in 0..<50 {
                                let body = "<Message><MessageBody>\(sender)-\(number)</MessageBody></Message>"
                                let gateway = number % 2 == 0 ? other : one
                                let reply = try? await gateway.signed(.POST, "/queues/load/messages", body)
                                if reply?.status == 201 { sent.add("\(sender)-\(number)") }
                                if sender == 0, number == 20 { process.signal(SIGKILL) }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let acknowledged = sent.all
                #expect(acknowledged.count >= 200)
                #expect(try await one.drain("load").isSuperset(of: acknowledged))
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
    /// The bodies of all that is in a queue, each deleted.
    fileprivate func drain(_ queue: String) async throws -> Set<String> {
        var bodies: Set<String> = []
        while true {
            let reply = try await signed(.GET, "/queues/\(queue)/messages?numOfMessages=16")
            guard reply.status == 200 else { return bodies }
            for match in reply.text.matches(of: #/<ReceiptHandle>([^<]+)<.*?<MessageBody>([^<]*)</#) {
                bodies.insert(String(match.2))
                let target = "/queues/\(queue)/messages?ReceiptHandle=\(match.1)"
                #expect(try await signed(.DELETE, target).status == 204)
            }
        }
    }
}

private final class Acknowledged: Sendable {
    private let bodies = Mutex<Set<String>>([])

    func add(_ body: String) { bodies.withLock { _ = $0.insert(body) } }
    var all: Set<String> { bodies.withLock { $0 } }
}
