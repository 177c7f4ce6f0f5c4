import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@testable import QueueGateway

extension GatewayTests {
    private static let waiting = 1000

    @Test(
        "a thousand clients that wait for one queue cost the database what a few do, and a message goes to one of them")
    func idlePolls() async throws {
        try await GatewayProcess.with { gateway in
            #expect(try await gateway.signed(.PUT, "/queues/idle", "<Queue/>").status == 201)
            let before = try await gateway.transactions()
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for _ in 0..<Self.waiting {
                    group.addTask { try await gateway.signed(.GET, "/queues/idle/messages?waitseconds=10") }
                }
                group.addTask {
                    try await gateway.signed(
                        .POST, "/queues/idle/messages", "<Message><MessageBody>x</MessageBody></Message>")
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(replies.count { $0.status == 201 } == 1)
            #expect(replies.count { $0.status == 200 } == 1)
            #expect(replies.count { $0.status == 404 && $0.text.contains("MessageNotExist") } == Self.waiting - 1)
            let spent = try await gateway.transactions() - before
            #expect(spent < Self.waiting, "\(spent) transactions")
        }
    }

    @Test("a client that goes while it waits is given nothing: the message is there for the next one")
    func goneClients() async throws {
        try await GatewayProcess.with { gateway in
            #expect(try await gateway.signed(.PUT, "/queues/gone", "<Queue/>").status == 201)
            for _ in 0..<20 {
                let poll = Task { try await gateway.signed(.GET, "/queues/gone/messages?waitseconds=30") }
                try await Task.sleep(for: .milliseconds(20))
                poll.cancel()
                _ = await poll.result
            }
            _ = try await gateway.signed(
                .POST, "/queues/gone/messages", "<Message><MessageBody>x</MessageBody></Message>")
            let reply = try await gateway.signed(.GET, "/queues/gone/messages?waitseconds=30")
            #expect(reply.status == 200 && reply.text.contains("<DequeueCount>1</DequeueCount>"), "\(reply.text)")
        }
    }

    @Test("a gateway that is told to stop lets nobody wait: who waits is told that nothing came")
    func stops() async throws {
        try await GatewayProcess.with { gateway in
            #expect(try await gateway.signed(.PUT, "/queues/stopped", "<Queue/>").status == 201)
            async let poll = gateway.signed(.GET, "/queues/stopped/messages?waitseconds=30")
            try await eventually("the gateway listens for rings") { try await gateway.isListening ? () : nil }
            let start = ContinuousClock.now
            gateway.process.signal(SIGTERM)
            let reply = try await poll
            #expect(reply.text.contains("MessageNotExist"), "\(reply)")
            // Or the client would send its next request on a connection that is closed by then.
            #expect(reply.headers["Connection"] == ["close"], "\(reply)")
            #expect(start.duration(to: .now) < .seconds(25))
        }
    }
}

extension GatewayProcess {
    /// Whether somebody waits at it for a message.
    fileprivate var isListening: Bool {
        get async throws {
            let connections = try await database.query(
                """
                SELECT 1 FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'message-queue waiting' AND query ~ '^(LISTEN|SELECT)'
                """
            ) { try $0[0, as: Int.self] }
            return !connections.isEmpty
        }
    }

    /// As one of the service's clients sends it.
    func signed(
        _ method: HTTPMethod, _ target: String, _ body: String? = nil, to service: SignedRequest.Service = .mns
    ) async throws -> Reply {
        let request = try SignedRequest(method.rawValue, target, body, to: service, by: credentials)
        let headers = HTTPHeaders(request.headers.map { ($0.name, $0.value) })
        return try await send(method, target, body, headers: headers)
    }

    func transactions() async throws -> Int {
        try await database.query("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()") {
            try $0[0, as: Int.self]
        }[0]
    }
}
