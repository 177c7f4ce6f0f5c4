import Foundation
import MessageQueue
import QueueGateway
import TestSupport
import Testing

extension GatewayTests {
    @Test("a client that hangs up before its body has come to its end has asked for nothing: no dead letter is purged")
    func cutBodies() async throws {
        try await GatewayProcess.with { gateway in
            let broker = gateway.broker
            try await broker.declare(queue: "orders")
            let messages = (0..<3).map { Outgoing("\($0)", key: "order-\($0)") }
            try await broker.send(messages, to: Queue<String>("orders"))
            let received = try await broker.receive("orders", limit: 3, lease: .seconds(60))
            try await broker.deadLetter(received.map { .init($0, reason: "tired", error: "away") })
            #expect(try await broker.deadLetterCount() == 3)
            let beginnings = [
                "Content-Length: 60\r\n\r\n", "Content-Length: 60\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n",
                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
                // More than a signed number holds.
                "Content-Length: 10000000000000000000\r\n\r\n",
            ]
            for beginning in beginnings {
                let request = gateway.purge(beginning)
                // Once says goodbye and listens on, once is simply gone.
                let answer = try await RawConnection.exchange(request, at: gateway.address)
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(beginning): \(answer)")
                try RawConnection(to: gateway.address, sending: request).hangUp()
            }
            let filter = #"{"filter":{"key":"order-0"}}"#
            let whole = "Content-Length: \(filter.utf8.count)\r\nConnection: close\r\n\r\n\(filter)"
            let answer = try await RawConnection.exchange(gateway.purge(whole), at: gateway.address)
            #expect(answer.hasPrefix("HTTP/1.1 2"), "\(answer)")
            try await eventually("the one that was asked for is gone") {
                try await broker.operatorActions().contains { $0.verb == .purge && $0.standing == .ended } ? () : nil
            }
            let purges = try await broker.operatorActions().filter { $0.verb == .purge }
            #expect(purges.count == 1, "\(purges)")
            #expect(try await broker.deadLetterCount() == 2)
            #expect(!gateway.process.hasEnded)
        }
    }
}

extension GatewayProcess {
    /// Asks for the dead letters of `orders` to be purged; the rest of the head and the body are to be told.
    fileprivate func purge(_ rest: String) -> Data {
        let pair = Data("\(credentials.id):\(credentials.secret)".utf8).base64EncodedString()
        return Data(
            ("POST /v1/queues/orders/dead-letters/purge HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \(pair)\r\n"
                + "Content-Type: application/json\r\n" + rest).utf8)
    }
}
