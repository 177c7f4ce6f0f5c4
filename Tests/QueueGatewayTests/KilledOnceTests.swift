import Foundation
import MessageQueue
import NIOHTTP1
import QueueGateway
import TestSupport
import Testing

extension GatewayTests {
    @Test("what a client repeats under its Idempotency-Key, since the gateway that it asked was killed, is there once")
    func killedOnce() async throws {
        try await GatewayProcess.with { one in
            try await one.broker.declare(queue: "once")
            try await GatewayProcess.start(on: one.database) { process async throws in
                let victim = GatewayProcess(
                    address: process.addresses["address"] ?? "", credentials: one.credentials, broker: one.broker,
                    database: one.database, process: process)
                let told = Tally<[String]>([])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for sender in 0..<8 {
                        group.addTask {
                            for number in 0..<20 {
                                if sender == 0, number == 10 { process.signal(SIGKILL) }
                                let body = "\(sender)-\(number)"
                                var id = try? await victim.sendOnce(body)
                                if id == nil { id = try await one.sendOnce(body) }
                                if let id { told.change { $0.append(id) } }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let stored = try await one.broker.peek("once", limit: 1000).map { "\($0.message.id)" }
                #expect(stored.count == 160 && told.value.sorted() == stored.sorted())
            }
        }
    }
}

extension GatewayProcess {
    private struct NotSent: Error {}

    /// Tells the message's id.
    fileprivate func sendOnce(_ body: String) async throws -> String {
        let pair = Data("\(credentials.id):\(credentials.secret)".utf8).base64EncodedString()
        let headers: HTTPHeaders = [
            "Authorization": "Basic \(pair)", "Content-Type": "application/json", "Idempotency-Key": "key-\(body)",
        ]
        let reply = try await send(.POST, "/v1/queues/once/messages", #"{"body": "\#(body)"}"#, headers: headers)
        guard reply.status == 201, let id = reply.text.firstMatch(of: #/"id":"([^"]+)"/#)?.1 else { throw NotSent() }
        return String(id)
    }
}
