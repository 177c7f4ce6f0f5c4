import HTTPTypes
import MessageQueue
import TestSupport
import Testing

@testable import QueueGateway

@Suite("A queue whose delay is changed through another gateway")
struct ChangedDelayTests {
    @Test(
        "gives its new delay to what is sent as soon as its sheet is read anew, in either dialect, and also under a name",
        arguments: [(0, 600), (600, 0)])
    func delays(_ old: Int, _ new: Int) async throws {
        try await TestDatabase.with(.gateway) { database in
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            let one = QueueGateway(Broker(database), secret: secret).backend
            let other = QueueGateway(Broker(database), secret: secret).backend
            _ = try await one.broker.create(queue: "delayed", QueueSettings(delay: .seconds(old)))
            try await sendAll(through: other)
            try await one.broker.change(queue: "delayed") { $0.settings.delay = .seconds(new) }
            // As it is a second later.
            other.queues.forget("delayed")
            try await sendAll(through: other)
            let counts = try await one.broker.statistics(of: "delayed")
            #expect(counts.scheduled == 3 && counts.depth == 3, "\(counts)")
        }
    }

    /// By MNS, by JSON, and by JSON under a name.
    private func sendAll(through gateway: Backend) async throws {
        let account = Account(id: "tests", permissions: [.everything])
        let message = try call("<Message><MessageBody>x</MessageBody></Message>")
        let sent = try await MessageCalls(gateway, account, queue: "delayed").answer(message)
        #expect(sent.status == .created)
        for key in [nil, "\(RequestID())"] {
            let route = JSONCall(
                call: try call(#"{"body": 1}"#, key: key), account: account, backend: gateway,
                errands: Errands(logger: gateway.logger), names: ["delayed"])
            #expect(try await SendRoutes.one(route).status == .created)
        }
    }

    private func call(_ body: String, key: String? = nil) throws -> Call {
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.idempotencyKey] = key
        let request = HTTPRequest(
            method: .post, scheme: "http", authority: "gateway", path: "/queues/delayed/messages",
            headerFields: headers)
        return Call(head: try CallHead(request, isEncrypted: false), body: Array(body.utf8))
    }
}
