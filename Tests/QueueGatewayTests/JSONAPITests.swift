import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@testable import QueueGateway

/// Each of its own process, as those of ``GatewayTests``.
@Suite("The JSON API of the gateway", .serialized, .timeLimit(.minutes(15)))
struct JSONAPITests {
    private struct Shoe: Codable, Equatable { let size: Int }

    @Test(
        "with nothing but an HTTP client each operation of the JSON API does what its description says, and refuses in its words",
        arguments: [
            "queues", "lists", "messages", "bodies", "strict", "batches", "delays", "visibility", "idempotency",
            "publishing_once", "publishing_later", "long_polls", "gone_clients", "whole_queues", "topics",
            "half_messages", "web_servers", "search", "dead_letters", "access", "paths_and_methods", "descriptions",
            "mns",
        ])
    func json(_ function: String) async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run(function, of: "json_api", with: "aliyun-mns-sdk")
            #expect(try await EngineAudit.contradictions(on: gateway.database) == [])
        }
    }

    @Test("whatever Schemathesis calls the JSON API with, nothing breaks, and each answer is as its description says")
    func conforms() async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.run("conforms", of: "conform", with: ".build-schemathesis")
            #expect(!gateway.process.hasEnded)
        }
    }

    @Test("what the library sends, a program without a client receives in JSON, and what that sends, a step reads")
    func jsonBothWays() async throws {
        try await GatewayProcess.with { gateway in
            let broker = gateway.broker
            try await broker.declare(queue: "shared")
            let shoe = Outgoing(Shoe(size: 42), key: "order-1", tag: "a", headers: ["city": "Leipzig"])
            try await broker.send([shoe], to: Queue<Shoe>("shared"))
            let received = try await gateway.json(.POST, "/v1/queues/shared/messages/receive").text
            for part in [
                #""id":"\#(shoe.id)""#, #""body":{"size":42}"#, #""key":"order-1""#, #""tag":"a""#,
                #""headers":{"city":"Leipzig"}"#,
            ] { #expect(received.contains(part), "\(received)") }
            let body =
                #"{"body": {"size": 7}, "key": "order-2", "tag": "b", "headers": {"city": "Hangzhou"}, "priority": 2}"#
            #expect(try await gateway.json(.POST, "/v1/queues/shared/messages", body).status == 201)
            let taken = try await broker.receive("shared", limit: 10, lease: .seconds(60))
            let message = try #require(taken.first).message
            #expect(try taken[0].decoded(as: Shoe.self).payload == Shoe(size: 7))
            #expect(message.key == "order-2" && message.tag == "b" && message.headers == ["city": "Hangzhou"])
        }
    }

    @Test("in JSON a topic tells how many half messages were dropped since nobody ended them")
    func jsonDroppedHalves() async throws {
        try await GatewayProcess.with { gateway in
            try await gateway.broker.declare(topic: "deals")
            try await gateway.database.execute("UPDATE mq.topics SET dropped_halves = 3")
            for target in ["/v1/topics/deals", "/v1/topics"] {
                let told = try await gateway.json(.GET, target).text
                #expect(told.contains(#""droppedHalfMessages":3"#), "\(told)")
            }
        }
    }

    @Test("in JSON too a key does what it is allowed to, where it is allowed to, and at the pace that it is allowed")
    func jsonKeys() async throws {
        try await GatewayProcess.with { gateway in
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            for path in ["/v1/queues/in-a", "/v1/queues/out-a", "/v1/topics/news"] {
                #expect(try await gateway.json(.PUT, path).status == 201)
            }
            let sent = try await gateway.json(.POST, "/v1/queues/in-a/messages", #"{"body": 1}"#)
            let id = try #require(sent.text.firstMatch(of: #/"id":"([^"]+)"/#)?.1)
            let permissions = ["send:queues/in-*", "read,receive:queues/out-a", "manage,read:topics/news"]
            let own = try await secret.makeKey(
                permissions: permissions.compactMap { Permission($0) }, on: gateway.broker)
            for call in JSONKeyCall.all(id: String(id)) {
                let reply = try await gateway.json(call.method, call.target, call.body, as: own)
                #expect(reply.status == call.status, "\(call): \(reply.text)")
            }
            let list = try await gateway.json(.GET, "/v1/queues", as: own).text
            #expect(list.contains("out-a") && !list.contains("in-a"))
            let paced = try await secret.makeKey(ratePerSecond: 1, on: gateway.broker)
            var replies: [Reply] = []
            for _ in 0..<5 { replies.append(try await gateway.json(.GET, "/v1/queues/in-a", as: paced)) }
            #expect(replies[0].status == 200)
            let late = try #require(replies.first { $0.status == 429 })
            #expect(late.headers.first(name: "Retry-After") == "1" && late.text.contains("too-many-requests"))
        }
    }

    @Test("a search by key goes on behind messages that the caller may not read, until it has as many as are asked for")
    func jsonSearchOfSome() async throws {
        try await GatewayProcess.with { gateway in
            for queue in ["hidden", "shown"] { try await gateway.broker.declare(queue: QueueName(queue)) }
            func send(_ count: Int, to queue: String) async throws {
                let messages = (0..<count).map { Outgoing(RawBody("\($0)"), key: "order-3") }
                try await gateway.broker.send(messages, to: Queue<RawBody>(QueueName(queue)))
            }
            try await send(3, to: "shown")
            try await send(40, to: "hidden")
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            let own = try await secret.makeKey(
                permissions: ["read:queues/shown"].compactMap { Permission($0) }, on: gateway.broker)
            for (limit, count) in [(1, 1), (2, 2), (3, 3), (50, 3)] {
                let reply = try await gateway.json(.GET, "/v1/messages?key=order-3&limit=\(limit)", as: own)
                #expect(reply.status == 200 && !reply.text.contains("hidden"), "\(reply.text)")
                #expect(reply.text.matches(of: #/"queue":"shown"/#).count == count, "\(limit): \(reply.text)")
            }
            let all = try await gateway.json(.GET, "/v1/messages?key=order-3&limit=5").text
            #expect(all.matches(of: #/"queue":/#).count == 5, "\(all)")
        }
    }

    @Test("while the database is away the JSON API says so, and when it is worth trying again; then it works by itself")
    func jsonOutage() async throws {
        try await GatewayProcess.with { gateway in
            #expect(try await gateway.json(.PUT, "/v1/queues/away").status == 201)
            let name = try await gateway.database.query("SELECT current_database()") { try $0[0, as: String.self] }[0]
            let admin = Database(try await TestServer.conninfo())
            try await admin.script("ALTER DATABASE \(name) ALLOW_CONNECTIONS false")
            let hangUp: Statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1"
            try await admin.execute(hangUp, name)
            let reply = try await eventually("the database is away") {
                let reply = try await gateway.json(.GET, "/v1/queues/away")
                return reply.status == 200 ? nil : reply
            }
            #expect(reply.status == 503 && reply.text.contains(#""code":"database-away""#), "\(reply)")
            #expect(reply.headers.first(name: "Retry-After") == "2")
            #expect(reply.headers.first(name: "Content-Type") == "application/problem+json")
            try await admin.script("ALTER DATABASE \(name) ALLOW_CONNECTIONS true")
            await admin.close()
            try await eventually("the database is back") {
                try await gateway.json(.POST, "/v1/queues/away/messages", #"{"body": 1}"#).status == 201 ? () : nil
            }
        }
    }
}

/// What a key may do that sends to `in-*`, reads `out-a`, and manages the topic `news`.
private struct JSONKeyCall {
    let method: HTTPMethod
    let target: String
    var body: String?
    let status: Int

    static func all(id: String) -> [JSONKeyCall] {
        let message = #"{"body": 1}"#
        let allowed: [(HTTPMethod, String, String?, Int)] = [
            (.POST, "/v1/queues/in-a/messages", message, 201), (.GET, "/v1/queues/out-a", nil, 200),
            (.GET, "/v1/queues/out-a/messages", nil, 200), (.POST, "/v1/queues/out-a/messages/receive", nil, 200),
            (.GET, "/v1/queues/out-a/dead-letters", nil, 200), (.GET, "/v1/messages?queue=out-a", nil, 200),
            (.GET, "/v1/topics/news", nil, 200),
            // As in MNS: who lets a queue hear a topic sends to it.
            (.PUT, "/v1/topics/news/subscriptions/a", #"{"queue": "in-a"}"#, 201),
            // What lies in a queue that the key may not read is not known to it.
            (.GET, "/v1/messages/\(id)", nil, 404),
        ]
        let refused: [(HTTPMethod, String, String?)] = [
            (.POST, "/v1/queues/in-a/messages/receive", nil), (.GET, "/v1/queues/in-a", nil),
            (.GET, "/v1/queues/in-a/messages", nil), (.POST, "/v1/queues/out-a/messages", message),
            (.PUT, "/v1/queues/other", nil), (.DELETE, "/v1/queues/out-a", nil),
            (.POST, "/v1/queues/out-a/purge", nil), (.POST, "/v1/queues/out-a/pause", nil),
            (.POST, "/v1/queues/out-a/dead-letters/redrive", nil), (.POST, "/v1/queues/out-a/dead-letters/purge", nil),
            (.GET, "/v1/messages?queue=in-a", nil), (.GET, "/v1/messages?topic=other", nil),
            (.GET, "/v1/dead-letter-groups?queue=in-a", nil), (.POST, "/v1/topics/news/messages", message),
            (.POST, "/v1/topics/news/half-messages", message), (.POST, "/v1/topics/news/half-messages/check", nil),
            (.POST, "/v1/topics/news/half-messages/commit", nil),
            // Who lets a queue hear a topic fills it.
            (.PUT, "/v1/topics/news/subscriptions/s", #"{"queue": "out-a"}"#),
            (.PUT, "/v1/topics/other", nil), (.GET, "/v1/topics/other", nil),
        ]
        return allowed.map { JSONKeyCall(method: $0, target: $1, body: $2, status: $3) }
            + refused.map { JSONKeyCall(method: $0, target: $1, body: $2, status: 403) }
    }
}

extension GatewayProcess {
    fileprivate func json(
        _ method: HTTPMethod, _ target: String, _ body: String? = nil, as other: Credentials? = nil
    ) async throws -> Reply {
        let key = other ?? credentials
        let pair = Data("\(key.id):\(key.secret)".utf8).base64EncodedString()
        var headers: HTTPHeaders = ["Authorization": "Basic \(pair)"]
        if body != nil { headers.add(name: "Content-Type", value: "application/json") }
        return try await send(method, target, body, headers: headers)
    }
}
