import Foundation
import Hummingbird
import Logging
import MessageQueue
import NIOCore
import ServiceLifecycle
import TestSupport
import Testing

@testable import QueueGateway

@Suite("Answers that their clients are slow to read", .timeLimit(.minutes(5)))
struct UnreadAnswersTests {
    @Test(
        "when there is no room for another, what is received goes back uncounted and comes once there is; sends go on")
    func slowReader() async throws {
        try await Served.with { served in
            let broker = served.broker
            try await broker.declare(queue: "large")
            // More than what lies between two ends of a connection.
            let body = RawBody(String(repeating: "x", count: 12 << 20))
            for _ in 0..<2 { try await broker.send([Outgoing(body)], to: Queue<RawBody>("large")) }
            let slow = try SlowClient(to: served.address, saying: served.request("/receive?leaseSeconds=600"))
            try await eventually("an answer is held") { served.gateway.answers.held > 0 }
            for _ in 0..<3 {
                let refused = try await served.exchange("/receive?leaseSeconds=600")
                #expect(refused.hasPrefix("HTTP/1.1 429") && refused.contains("too-many-requests"), "\(refused.prefix(99))")
                try await eventually("it waits again") {
                    try await broker.peek("large", limit: 10).map(\.attempt) == [1]
                }
            }
            let looked = try await served.exchange("?max=10", by: "GET")
            #expect(looked.hasPrefix("HTTP/1.1 429"), "\(looked.prefix(400))")
            let sent = try await served.exchange("", body: #"{"body": 1, "delaySeconds": 600}"#)
            #expect(sent.hasPrefix("HTTP/1.1 201"), "\(sent.prefix(400))")
            slow.hangUp()
            try await eventually("its room is free again") { served.gateway.answers.held == 0 }
            let received = try await served.exchange("/receive?leaseSeconds=600")
            #expect(received.hasPrefix("HTTP/1.1 200") && received.contains(#""attempt":1,"#), "\(received.prefix(99))")
            try await eventually("what was read takes no room") { served.gateway.answers.held == 0 }
        }
    }

    @Test("an answer that finds any room is let go, and one that can't be asked for again always; small ones take none")
    func room() throws {
        let budget = AnswerBudget(all: 1 << 20)
        var holds = [try budget.room(for: 64 << 10, isNeeded: false)]
        #expect(budget.held == 0)
        holds.append(try budget.room(for: 5 << 20, isNeeded: false))
        #expect(budget.held == 5 << 20)
        #expect(throws: Refusal.self) { try budget.room(for: 65 << 10, isNeeded: false) }
        #expect(budget.held == 5 << 20)
        holds.append(try budget.room(for: 1 << 20, isNeeded: true))
        #expect(budget.held == 6 << 20 && holds.count == 3)
        holds.removeAll()
        #expect(budget.held == 0)
    }
}

/// A gateway in this process, with room for next to no answers, on a free port of the loopback interface.
private struct Served: Sendable {
    let gateway: QueueGateway
    let broker: Broker
    let address: String
    let credentials: Credentials

    static func with(_ body: @escaping @Sendable (Served) async throws -> Void) async throws {
        try await TestDatabase.with(.gateway) { database in
            let broker = Broker(database)
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            let credentials = try await secret.makeKey(label: "tests", on: broker)
            var options = QueueGateway.Options()
            options.answerBytes = 1 << 20
            let gateway = QueueGateway(broker, secret: secret, options: options)
            let router = Router(context: GatewayRequestContext.self)
            gateway.mount(on: router)
            let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
            let application = Application(
                router: router, server: .http1(configuration: .init(additionalChannelHandlers: [ConnectionGuard()])),
                configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) })
            let group = ServiceGroup(services: [gateway, application], logger: Logger(label: "test"))
            try await withThrowingTaskGroup { tasks in
                tasks.addTask { try await group.run() }
                let port = try #require(await ports.first { _ in true })
                try await body(
                    Served(
                        gateway: gateway, broker: broker, address: "http://127.0.0.1:\(port)",
                        credentials: credentials))
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }

    /// To the messages of the queue `large`.
    func request(_ target: String, by method: String = "POST", body: String = "") -> String {
        let pair = Data("\(credentials.id):\(credentials.secret)".utf8).base64EncodedString()
        return "\(method) /v1/queues/large/messages\(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \(pair)\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }

    func exchange(_ target: String, by method: String = "POST", body: String = "") async throws -> String {
        try await RawConnection.exchange(Data(request(target, by: method, body: body).utf8), at: address)
    }
}
