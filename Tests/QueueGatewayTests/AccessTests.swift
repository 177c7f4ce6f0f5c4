import Foundation
import MessageQueue
import Postgres
import Synchronization
import Testing

@testable import QueueGateway

@Suite("Access keys")
struct AccessTests {
    private let secret = GatewaySecret(String(repeating: "k", count: 32))

    @Test("a permission allows its verbs on what its pattern matches, and is written as it is read")
    func permissions() throws {
        let cases: [(String, AccessVerb, String, Bool)] = [
            ("send:queues/orders", .send, "queues/orders", true),
            ("send:queues/orders", .receive, "queues/orders", false),
            ("send:queues/orders", .send, "queues/orders2", false),
            ("send:queues/orders", .send, "topics/orders", false),
            ("send,receive:queues/o*", .receive, "queues/orders", true), ("*:*", .manage, "topics/x", true),
            ("*:queues/*-eu-*", .read, "queues/a-eu-b", true), ("*:queues/*-eu-*", .read, "queues/a-us-b", false),
            ("read:queues/*a*b", .read, "queues/xaybab", true), ("read:queues/*a*b", .read, "queues/xayba", false),
            ("read:queues/", .read, "queues/", true), ("read:*", .read, "", true),
        ]
        for (text, verb, resource, isAllowed) in cases {
            let permission = try #require(Permission(text))
            #expect(permission.allows(verb, on: resource) == isAllowed, "\(text) \(verb) \(resource)")
            #expect(Permission("\(permission)") == permission)
        }
        for bad in ["", "send", ":queues/a", "fly:queues/a", "send,:", "*,send:queues/a", "send:"] {
            #expect(Permission(bad) == nil, "\(bad)")
        }
        let stars = String(repeating: "*a", count: 2000) + "b"
        // A pattern that is tried in every way would not come to an end.
        #expect(Permission("send:\(stars)")?.allows(.send, on: String(repeating: "a", count: 5000)) == false)
    }

    @Test("a sealed secret is read with the gateway's own secret, for its own key, and unchanged")
    func sealing() throws {
        let secret = try #require(secret)
        var sealed = try secret.seal("s3cret", of: "A")
        #expect(try secret.open(sealed, of: "A") == "s3cret")
        #expect(try secret.seal("s3cret", of: "A") != sealed)
        #expect(!String(decoding: sealed, as: UTF8.self).contains("s3cret"))
        #expect(throws: (any Error).self) { try secret.open(sealed, of: "B") }
        let other = try #require(GatewaySecret(String(repeating: "j", count: 32)))
        #expect(throws: (any Error).self) { try other.open(sealed, of: "A") }
        sealed[20] ^= 1
        #expect(throws: (any Error).self) { try secret.open(sealed, of: "A") }
        #expect(GatewaySecret(String(repeating: "k", count: 31)) == nil)
    }

    @Test("a handle is good for its receipt and queue, and nobody makes one up")
    func handles() throws {
        let handles = Handles(try #require(secret))
        let handle = handles.handle(of: "12.3.4567890.deadbeef.2", in: "orders")
        #expect(try handles.receipt(in: handle, of: "orders") == "12.3.4567890.deadbeef.2")
        #expect(
            handle.utf8.allSatisfy {
                Set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.".utf8).contains($0)
            })
        #expect(throws: Refusal.self) { try handles.receipt(in: handle, of: "other") }
        for bad in [
            "", "-", "x", "12.3.4567890.deadbeef.2", "12.3.4567890.deadbeef.2-", handle + "0",
            "13" + handle.dropFirst(2),
        ] {
            #expect(throws: Refusal.self, "\(bad)") { try handles.receipt(in: bad, of: "orders") }
        }
    }

    @Test(
        "a key that many ask for is read once, a stranger costs five looks a second, and a revoked key is worth nothing"
    )
    func ring() async throws {
        let secret = try #require(secret)
        let sealed = try secret.seal("x", of: "A")
        let reads = Mutex(0)
        let isRevoked = Mutex(false)
        let ring = KeyRing(secret: secret) {
            reads.withLock { $0 += 1 }
            let key = StoredAccessKey(
                id: "A", sealedSecret: sealed, permissions: [.everything], ratePerSecond: nil,
                isRevoked: isRevoked.withLock { $0 })
            return [key]
        }
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for n in 0..<500 {
                group.addTask {
                    let isKnown = try await ring.key(n % 2 == 0 ? "A" : "nobody-\(n)") != nil
                    #expect(isKnown == (n % 2 == 0))
                }
            }
            try await group.waitForAll()
        }
        let most = 2 + Int(start.duration(to: .now) / .milliseconds(200))
        #expect(reads.withLock { $0 } <= most)
        isRevoked.withLock { $0 = true }
        let deadline = ContinuousClock.now + .seconds(20)
        while try await ring.key("A") != nil, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try await ring.key("A") == nil)
    }

    @Test("keys are not read again as long as a change of one would be told, and at once when it was")
    func quietKeys() async throws {
        let secret = try #require(secret)
        let key = StoredAccessKey(
            id: "A", sealedSecret: try secret.seal("x", of: "A"), permissions: [.everything], ratePerSecond: nil,
            isRevoked: false)
        let reads = Mutex(0)
        let isQuiet = Mutex(true)
        let ring = KeyRing(
            secret: secret, life: .zero,
            read: {
                reads.withLock { $0 += 1 }
                return [key]
            }, isQuiet: { _ in isQuiet.withLock { $0 } })
        for _ in 0..<100 { #expect(try await ring.key("A") != nil) }
        #expect(reads.withLock { $0 } == 1)
        isQuiet.withLock { $0 = false }
        #expect(try await ring.key("A") != nil)
        #expect(reads.withLock { $0 } == 2)
    }

    @Test("keys whose use can't be noted while the database is away are noted the next time")
    func unnoted() async throws {
        let database = Database("host=/nobody-serves-here")
        let backend = QueueGateway(Broker(database), secret: try #require(secret)).backend
        backend.keys.use("A")
        #expect(await backend.noteUse(tellingFailures: false) == false)
        #expect(backend.keys.takeUsed() == ["A"])
        await database.close()
    }

    @Test("of a key's calls so many a second pass, and a second's worth after a rest")
    func pace() {
        let clock = Mutex(ContinuousClock.now)
        let pace = KeyPace(rate: 10) { clock.withLock { $0 } }
        #expect((0..<30).count { _ in pace.take() } == 10)
        clock.withLock { $0 += .milliseconds(500) }
        #expect((0..<30).count { _ in pace.take() } == 5)
        clock.withLock { $0 += .seconds(3600) }
        #expect((0..<30).count { _ in pace.take() } == 10)
    }
}
