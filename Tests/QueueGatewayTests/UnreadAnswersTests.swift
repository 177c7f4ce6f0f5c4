import Foundation
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import TestSupport
import Testing

@testable import MessageQueue
@testable import QueueGateway

@Suite("Answers that their clients are slow to read", .timeLimit(.minutes(5)))
struct UnreadAnswersTests {
    private static let poll = "/receive?leaseSeconds=600&waitSeconds=30"

    @Test(
        "an answer takes room until it is read: who waits is given no other one, and what was taken for him goes back uncounted"
    )
    func slowReader() async throws {
        try await Served.with { served in
            try await served.broker.declare(queue: "large")
            let slow = try SlowClient(to: served.address, saying: served.request(Self.poll))
            try await served.untilWaiting(1)
            async let other = served.firstLine(of: Self.poll)
            try await served.untilWaiting(2)
            try await served.send()
            try await eventually("an answer is held") { served.gateway.budget.held > 0 }
            try await served.send()
            #expect(try await other.contains(" 429 "))
            for (target, method) in [("/receive?leaseSeconds=600", "POST"), ("?max=10", "GET")] {
                let refused = try await served.exchange(target, by: method)
                #expect(refused.contains(" 429 ") && refused.contains("too-many-requests"), "\(refused.prefix(99))")
            }
            let sent = try await served.exchange("", body: #"{"body": 1}"#)
            #expect(sent.hasPrefix("HTTP/1.1 429"), "\(sent.prefix(400))")
            slow.hangUp()
            try await eventually("its room is free again") { served.gateway.budget.held == 0 }
            let received = try await served.exchange("/receive?leaseSeconds=600")
            #expect(received.hasPrefix("HTTP/1.1 200"), "\(received.prefix(400))")
            #expect(received.suffix(400).contains(#""attempt":1,"#), "\(received.count): \(received.suffix(400))")
            try await eventually("what was read takes no room") { served.gateway.budget.held == 0 }
        }
    }

    @Test("an answer that finds any room is let go, and one that can't be asked for again always; small ones take none")
    func room() throws {
        let budget = BodyBudget(all: 1 << 20)
        var holds = [try budget.room(forAnswer: 16 << 10, isNeeded: false)]
        #expect(budget.held == 0)
        holds.append(try budget.room(forAnswer: 5 << 20, isNeeded: false))
        #expect(budget.held == 5 << 20)
        #expect(throws: Refusal.self) { try budget.room(forAnswer: 17 << 10, isNeeded: false) }
        #expect(throws: Refusal.self) { try budget.demandRoom() }
        #expect(budget.held == 5 << 20)
        holds.append(try budget.room(forAnswer: 1 << 20, isNeeded: true))
        #expect(budget.held == 6 << 20 && holds.count == 3)
        holds.removeAll()
        #expect(budget.held == 0)
        try budget.demandRoom()
    }
}

/// A gateway in this process, with little room, on a free port of the loopback interface.
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
            options.bodyBytes = 1 << 20
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

    /// More than lies between the two ends of a connection whose one does not read.
    func send() async throws {
        let message = Outgoing(RawBody(String(repeating: "x", count: 6 << 20)))
        try await broker.send([message], to: Queue<RawBody>("large"))
    }

    func untilWaiting(_ count: Int) async throws {
        try await eventually("\(count) wait") { broker.waitingRoom.count(for: "large") == count }
    }

    /// Of the answer; whoever asks stays until it comes.
    func firstLine(of target: String) async throws -> String {
        try await RawConnection.conversation(
            Data(request(target).utf8), awaiting: "\r\n", then: Data(), at: address
        ).first
    }

    /// To the messages of the queue `large`.
    func request(_ target: String, by method: String = "POST", body: String = "") -> String {
        let pair = Data("\(credentials.id):\(credentials.secret)".utf8).base64EncodedString()
        return "\(method) /v1/queues/large/messages\(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Basic \(pair)\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }

    func exchange(_ target: String, by method: String = "POST", body: String = "") async throws -> String {
        // Who says that this was all counts as gone, and a large answer to them is broken off.
        try await RawConnection.hear(Data(request(target, by: method, body: body).utf8), at: address)
    }
}
