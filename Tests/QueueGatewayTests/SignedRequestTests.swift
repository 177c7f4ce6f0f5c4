import MessageQueue
import NIOHTTP1
import QueueGateway
import Testing

extension GatewayTests {
    @Test("requests that are signed as clients of RocketMQ sign them make a group, publish, consume and acknowledge")
    func signedAsRocketMQ() async throws {
        try await GatewayProcess.with { gateway in
            let (target, group) = ("/topics/signed/messages", "?consumer=bench")
            let message = "<Message><MessageBody>x</MessageBody></Message>"
            let consume = target + group + "&numOfMessages=16&waitseconds=0"
            #expect(try await gateway.signed(.GET, consume, to: .rocketMQ).status == 404)
            #expect(try await gateway.signed(.POST, target, message, to: .rocketMQ).status == 201)
            let reply = try await gateway.signed(.GET, consume, to: .rocketMQ)
            #expect(reply.status == 200)
            let handle = try #require(reply.text.firstMatch(of: #/<ReceiptHandle>[^<]+<\/ReceiptHandle>/#)).output
            let handles = "<ReceiptHandles>\(handle)</ReceiptHandles>"
            #expect(try await gateway.signed(.DELETE, target + group, handles, to: .rocketMQ).status == 204)
            #expect(try await gateway.broker.statistics(of: "signed.bench").inFlight == 0)
        }
    }
}
