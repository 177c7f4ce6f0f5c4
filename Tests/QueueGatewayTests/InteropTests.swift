import Foundation
import MessageQueue
import NIOHTTP1
import TestSupport
import Testing

@testable import QueueGateway

extension GatewayTests {
    private struct Shoe: Codable, Equatable { let size: Int }

    @Test("what the library sends, clients receive, and what they send, a step reads: body, key, tag and headers")
    func bothWays() async throws {
        try await GatewayProcess.with { gateway in
            let broker = gateway.broker
            try await broker.declare(queue: "both.ways")
            let shoe = Outgoing(Shoe(size: 42), key: "order-1", headers: ["city": "Leipzig"])
            try await broker.send([shoe], to: Queue<Shoe>("both.ways"))
            let received = try await gateway.signed(.GET, "/queues/both.ways/messages").text
            #expect(received.contains(#"<MessageBody>{"size":42}</MessageBody>"#), "\(received)")
            #expect(received.contains("<MessageGroupId>order-1</MessageGroupId>"))
            #expect(received.contains("<Name>city</Name><Value>Leipzig</Value><Type>STRING</Type>"))
            let body = """
                <Message><MessageBody>{"size":7}</MessageBody><MessageGroupId>order-2</MessageGroupId><UserProperties>\
                <PropertyValue><Name>city</Name><Value>Hangzhou</Value><Type>STRING</Type></PropertyValue></UserProperties></Message>
                """
            #expect(try await gateway.signed(.POST, "/queues/both.ways/messages", body).status == 201)
            let taken = try await broker.receive("both.ways", limit: 10, lease: .seconds(60))
            let delivery = try #require(taken.first).decoded(as: Shoe.self)
            #expect(delivery.payload == Shoe(size: 7))
            #expect(taken[0].message.key == "order-2" && taken[0].message.headers == ["city": "Hangzhou"])
        }
    }

    @Test("a body that no document can hold is told in Base64")
    func binary() async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.broker.declare(queue: "binary")
            try await gateway.broker.send([Outgoing(RawBody([0, 255, 1]))], to: Queue<RawBody>("binary"))
            let received = try await gateway.signed(.GET, "/queues/binary/messages").text
            #expect(received.contains("<MessageBody>AP8B</MessageBody>"), "\(received)")
        }
    }

    @Test(
        "a key does what it is allowed to, where it is allowed to; at the pace that it is allowed; and nothing once revoked"
    )
    func keys() async throws {
        try await GatewayProcess.with { gateway in
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            for queue in ["in-a", "out-a"] {
                #expect(try await gateway.signed(.PUT, "/queues/\(queue)", "<Queue/>").status == 201)
            }
            let permissions = ["send:queues/in-*", "read,receive:queues/out-a"].compactMap { Permission($0) }
            let own = try await secret.makeKey(permissions: permissions, on: gateway.broker)
            let limited = gateway.with(own)
            let message = "<Message><MessageBody>x</MessageBody></Message>"
            #expect(try await limited.signed(.POST, "/queues/in-a/messages", message).status == 201)
            #expect(try await limited.signed(.GET, "/queues/out-a/messages?peekonly=true").status == 404)
            for (method, target, body) in [
                ("GET", "/queues/in-a/messages", nil), ("POST", "/queues/out-a/messages", message),
                ("PUT", "/queues/in-a", "<Queue/>"), ("DELETE", "/queues/out-a", nil), ("GET", "/queues/in-a", nil),
                ("GET", "/queues/in-a/messages?peekonly=true", nil), ("PUT", "/queues/other", "<Queue/>"),
            ] as [(String, String, String?)] {
                let reply = try await limited.signed(.init(rawValue: method), target, body)
                #expect(
                    reply.status == 403 && reply.text.contains("AccessDenied"), "\(method) \(target): \(reply.text)")
            }
            let list = try await limited.signed(.GET, "/queues").text
            #expect(list.contains("/queues/out-a") && !list.contains("/queues/in-a"))
            let paced = gateway.with(try await secret.makeKey(ratePerSecond: 1, on: gateway.broker))
            let replies = try await (0..<5).asyncMap { _ in try await paced.signed(.GET, "/queues/in-a") }
            #expect(replies.contains { $0.status == 400 && $0.text.contains("QpsLimitExceeded") })
            #expect(replies[0].status == 200)
            #expect(try await gateway.broker.revoke(accessKey: own.id))
            let deadline = ContinuousClock.now + .seconds(60)
            while try await limited.signed(.POST, "/queues/in-a/messages", message).status == 201,
                ContinuousClock.now < deadline
            {}
            let refused = try await limited.signed(.POST, "/queues/in-a/messages", message)
            #expect(refused.text.contains("InvalidAccessKeyId"))
        }
    }
}

extension GatewayProcess {
    fileprivate func with(_ credentials: Credentials) -> GatewayProcess {
        GatewayProcess(
            address: address, credentials: credentials, broker: broker, database: database, process: process)
    }
}

extension Sequence {
    fileprivate func asyncMap<T>(_ body: (Element) async throws -> T) async rethrows -> [T] {
        var mapped: [T] = []
        for element in self { mapped.append(try await body(element)) }
        return mapped
    }
}
