import Foundation
import MessageQueue
import Testing

@Suite("Keys of gateways' clients")
struct AccessKeyTests {
    private func key(_ id: String) -> NewAccessKey {
        NewAccessKey(
            id: id, label: "ada's", sealedSecret: [1, 2, 0, 255], permissions: ["send:queues/*"], ratePerSecond: 9)
    }

    @Test("a key is made once, told as it was made, rotated, noted, and revoked for ever")
    func life() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            #expect(try await broker.create(accessKey: key("A")))
            #expect(try await !broker.create(accessKey: NewAccessKey(id: "A", sealedSecret: [3], permissions: [])))
            let made = try #require(try await broker.accessKeys().first)
            #expect(made.id == "A" && made.label == "ada's" && made.sealedSecret == [1, 2, 0, 255])
            #expect(made.permissions == ["send:queues/*"] && made.ratePerSecond == 9)
            #expect(made.revokedAt == nil && made.lastUsedAt == nil)
            #expect(try await broker.rotate(accessKey: "A", to: [7]))
            try await broker.note(use: ["A", "nobody"])
            let rotated = try #require(try await broker.accessKeys().first)
            #expect(rotated.sealedSecret == [7] && rotated.changedAt > made.changedAt && rotated.lastUsedAt != nil)
            #expect(try await broker.revoke(accessKey: "A"))
            #expect(try await !broker.revoke(accessKey: "A"))
            #expect(try await !broker.rotate(accessKey: "A", to: [8]))
            #expect(try await broker.accessKeys().map { $0.revokedAt != nil } == [true])
        }
    }

    @Test("each change of a key is recorded with who made it, and no secret is")
    func recorded() async throws {
        try await Bench.with { bench in
            try await Operator("ada", via: "shoeshop").act {
                _ = try await bench.broker.create(accessKey: key("A"))
                _ = try await bench.broker.rotate(accessKey: "A", to: [7])
                _ = try await bench.broker.revoke(accessKey: "A")
                _ = try await bench.broker.revoke(accessKey: "A")
            }
            let told = try await bench.broker.operatorActions()
            #expect(told.map(\.verb) == [.revokeKey, .rotateKey, .createKey])
            #expect(told.allSatisfy { $0.by?.name == "ada" && $0.detail["key"] == "A" })
            #expect(told[2].detail == ["key": "A", "label": "ada's", "permissions": "send:queues/*"])
        }
    }

    @Test("no key is made without an id, with a rate of nothing, or larger than is kept")
    func refused() async throws {
        try await Bench.with { bench in
            let none = NewAccessKey(id: "", sealedSecret: [1], permissions: [])
            let slow = NewAccessKey(id: "A", sealedSecret: [1], permissions: [], ratePerSecond: 0)
            let large = NewAccessKey(
                id: "A", sealedSecret: [1], permissions: [String(repeating: "p", count: MessageLimits.headerBytes + 1)])
            for key in [none, slow, large] {
                await #expect(throws: QueueError.self) { try await bench.broker.create(accessKey: key) }
            }
            #expect(try await bench.broker.accessKeys().isEmpty)
        }
    }
}
