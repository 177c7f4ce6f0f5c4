import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
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

    @Test("a step reads what was published as it was published, also where its subscription asks for documents")
    func publishedBodies() async throws {
        try await GatewayProcess.with { gateway in
            let broker = gateway.broker
            try await broker.declare(queue: "heard.here")
            #expect(try await gateway.signed(.PUT, "/topics/news", "<Topic/>").status == 201)
            let wish = "<Subscription><Endpoint>acs:mns:a:b:queues/heard.here</Endpoint></Subscription>"
            #expect(try await gateway.signed(.PUT, "/topics/news/subscriptions/s", wish).status == 201)
            let body = #"<Message><MessageBody>{"size":7}</MessageBody><MessageTag>warm</MessageTag></Message>"#
            #expect(try await gateway.signed(.POST, "/topics/news/messages", body).status == 201)
            let peeked = try await gateway.signed(.GET, "/queues/heard.here/messages?peekonly=true").text
            #expect(peeked.contains("&lt;Message&gt;{\"size\":7}&lt;/Message&gt;"), "\(peeked)")
            let taken = try #require(try await broker.receive("heard.here", lease: .seconds(60)).first)
            #expect(try taken.decoded(as: Shoe.self).payload == Shoe(size: 7))
            #expect(taken.message.topic == "news" && taken.message.tag == "warm")
        }
    }

    @Test(
        "a subscription of the library's is told as it is, and gets the body alone; one to a web server waits, and says so"
    )
    func subscriptionsOfTheLibrary() async throws {
        try await GatewayProcess.with { gateway in
            let broker = gateway.broker
            try await broker.declare(queue: "heard.here")
            try await broker.declare(topic: "shop.news")
            try await broker.subscribe("heard.here", to: "shop.news", tags: ["red", "blue"])
            let told = try await gateway.signed(.GET, "/topics/shop.news/subscriptions/heard.here").text
            for expected in [
                "<Endpoint>acs:mns:local:0:queues/heard.here</Endpoint>", "<FilterTag>red||blue</FilterTag>",
                "<NotifyContentFormat>SIMPLIFIED</NotifyContentFormat>",
            ] {
                #expect(told.contains(expected), "\(told)")
            }
            #expect(!told.contains("WAITING"))
            try await broker.publish([Outgoing(Shoe(size: 7), tag: "red")], to: Topic<Shoe>("shop.news"))
            let received = try await gateway.signed(.GET, "/queues/heard.here/messages").text
            #expect(received.contains(#"<MessageBody>{"size":7}</MessageBody>"#), "\(received)")
            let wish = "<Subscription><Endpoint>http://127.0.0.1/x</Endpoint></Subscription>"
            #expect(try await gateway.signed(.PUT, "/topics/shop.news/subscriptions/push", wish).status == 201)
            let waiting = try await gateway.signed(.GET, "/topics/shop.news/subscriptions/push").text
            #expect(waiting.contains("<State>WAITING</State>"), "\(waiting)")
        }
    }

    @Test(
        "what a key may do with a topic is allowed for that topic alone, and a queue hears one only by who may send to it"
    )
    func keysOfTopics() async throws {
        try await GatewayProcess.with { gateway in
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            for path in ["topics/in-a", "topics/out-a", "topics/own-a", "queues/q", "queues/r"] {
                let root = path.hasPrefix("topics") ? "<Topic/>" : "<Queue/>"
                #expect(try await gateway.signed(.PUT, "/" + path, root).status == 201)
            }
            let permissions = ["send:topics/in-*", "read:topics/out-a", "manage:topics/own-*", "send:queues/q"]
            let own = try await secret.makeKey(
                permissions: permissions.compactMap { Permission($0) }, on: gateway.broker)
            let limited = gateway.with(own)
            let message = "<Message><MessageBody>x</MessageBody></Message>"
            func hearing(_ queue: String) -> String {
                "<Subscription><Endpoint>acs:mns:a:b:queues/\(queue)</Endpoint></Subscription>"
            }
            for (method, target, body, status) in [
                ("POST", "/topics/in-a/messages", message, 201), ("GET", "/topics/out-a", nil, 200),
                ("GET", "/topics/out-a/subscriptions", nil, 200), ("PUT", "/topics/own-b", "<Topic/>", 201),
                ("PUT", "/topics/own-a/subscriptions/s", hearing("q"), 201),
                ("PUT", "/topics/own-a/subscriptions/s?metaoverride=true", "<Subscription/>", 204),
                ("DELETE", "/topics/own-a/subscriptions/s", nil, 204),
                ("DELETE", "/topics/own-b", nil, 204),
            ] as [(String, String, String?, Int)] {
                let reply = try await limited.signed(.init(rawValue: method), target, body)
                #expect(reply.status == status, "\(method) \(target): \(reply.text)")
            }
            for (method, target, body) in [
                ("POST", "/topics/out-a/messages", message), ("GET", "/topics/in-a", nil),
                ("GET", "/topics/in-a/subscriptions", nil), ("GET", "/topics/own-a/subscriptions/s", nil),
                ("PUT", "/topics/in-a", "<Topic/>"), ("PUT", "/topics/in-a?metaoverride=true", "<Topic/>"),
                ("DELETE", "/topics/out-a", nil), ("PUT", "/topics/out-a/subscriptions/s", hearing("q")),
                ("PUT", "/topics/own-a/subscriptions/s", hearing("r")),
                ("PUT", "/topics/out-a/subscriptions/s?metaoverride=true", "<Subscription/>"),
                ("DELETE", "/topics/out-a/subscriptions/s", nil),
            ] as [(String, String, String?)] {
                let reply = try await limited.signed(.init(rawValue: method), target, body)
                #expect(
                    reply.status == 403 && reply.text.contains("AccessDenied"), "\(method) \(target): \(reply.text)")
            }
            let list = try await limited.signed(.GET, "/topics").text
            #expect(list.contains("/topics/out-a<") && !list.contains("/topics/in-a<"), "\(list)")
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
                ("GET", "/?accountmeta=true", nil), ("PUT", "/?accountmeta=true", "<Account/>"),
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

extension GatewayTests {
    @Test("with a worker's rights a gateway makes, changes and deletes queues, topics and subscriptions")
    func workersRole() async throws {
        try await TestDatabase.with(.gateway) { admin in
            let secret = try #require(GatewaySecret(GatewayProcess.secretKey))
            let key = try await secret.makeKey(on: Broker(admin))
            try await TestRole.with(in: admin) { owner, _ in
                try await TestRole.with(in: admin) { worker, database in
                    try await Roles(owner: owner, worker: worker).assign(.messageQueue, in: admin)
                    try await GatewayProcess.start(on: database) { process async throws in
                        let gateway = GatewayProcess(
                            address: process.addresses["address"] ?? "", credentials: key, broker: Broker(admin),
                            database: admin, process: process)
                        let hearing = "<Subscription><Endpoint>acs:mns:a:b:queues/q</Endpoint></Subscription>"
                        let message = "<Message><MessageBody>x</MessageBody></Message>"
                        for (method, target, body, status) in [
                            ("PUT", "/queues/q", "<Queue/>", 201), ("PUT", "/topics/t", "<Topic/>", 201),
                            ("PUT", "/topics/t/subscriptions/s", hearing, 201),
                            ("POST", "/topics/t/messages", message, 201), ("GET", "/queues/q/messages", nil, 200),
                            ("PUT", "/queues/q?metaoverride=true", "<Queue/>", 204),
                            ("DELETE", "/topics/t/subscriptions/s", nil, 204), ("DELETE", "/topics/t", nil, 204),
                            ("DELETE", "/queues/q", nil, 204), ("GET", "/queues/q", nil, 404),
                        ] as [(String, String, String?, Int)] {
                            let reply = try await gateway.signed(.init(rawValue: method), target, body)
                            #expect(reply.status == status, "\(method) \(target): \(reply.text)")
                        }
                    }
                }
            }
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
