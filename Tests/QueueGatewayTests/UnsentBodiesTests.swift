import MessageQueue
import NIOHTTP1
import TestSupport
import Testing

extension GatewayTests {
    @Test(
        "any number of clients that announce a body and send none, in pieces or as one, take no room from those that do",
        arguments: ["Transfer-Encoding: chunked", "Content-Length: 2097152"])
    func unsentBodies(_ announcement: String) async throws {
        try await GatewayProcess.with { gateway in
            #expect(try await gateway.signed(.PUT, "/queues/unsent", "<Queue/>").status == 201)
            let head = "POST /queues/unsent/messages HTTP/1.1\r\nHost: gateway\r\n\(announcement)\r\n\r\n"
            try await SlowClient.with(200, to: gateway.address, saying: { _ in head }) { clients in
                try await eventually("all of them are connected") { gateway.process.sockets >= clients.count }
                for _ in 0..<20 {
                    let reply = try await gateway.signed(
                        .POST, "/queues/unsent/messages", "<Message><MessageBody>x</MessageBody></Message>")
                    #expect(reply.status == 201, "\(reply.text)")
                }
            }
        }
    }

    @Test("a body that is larger than a step of the budget is read as it was sent, and one byte too many is refused")
    func bodyInPieces() async throws {
        try await GatewayProcess.with { gateway in
            #expect(try await gateway.signed(.PUT, "/queues/pieces", "<Queue/>").status == 201)
            let body = "<Message><MessageBody>\(String(repeating: "x", count: 65_000))</MessageBody></Message>"
            #expect(try await gateway.signed(.POST, "/queues/pieces/messages", body).status == 201)
            let received = try await gateway.signed(.GET, "/queues/pieces/messages")
            #expect(received.text.contains(String(repeating: "x", count: 65_000)))
            let large = String(repeating: "x", count: 2_097_153)
            #expect(try await gateway.signed(.POST, "/queues/pieces/messages", large).status == 413)
        }
    }
}
