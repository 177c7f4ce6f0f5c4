import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Keys of gateways are kept sealed, and what becomes of them is recorded")
struct AccessKeyTests {
    private func key(_ id: String, rate: Double? = nil) -> NewAccessKey {
        NewAccessKey(
            id: id, label: "warehouse", sealedSecret: [0, 255, 1, 2], permissions: "{\"queues\": [\"a-*\"]}",
            ratePerSecond: rate)
    }

    @Test("a key is told as it was made, listed, used, given another secret, and taken back for good")
    func life() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            #expect(try await broker.accessKey("AK1") == nil)
            #expect(try await broker.create(accessKey: key("AK1", rate: 2.5)))
            #expect(try await broker.create(accessKey: key("AK1")) == false)
            let made = try #require(try await broker.accessKey("AK1"))
            #expect(made.label == "warehouse" && made.sealedSecret == [0, 255, 1, 2] && made.ratePerSecond == 2.5)
            #expect(made.permissions == "{\"queues\": [\"a-*\"]}")
            #expect(made.rotatedAt == nil && made.revokedAt == nil && made.lastUsedAt == nil)
            #expect(try await broker.create(accessKey: key("AK2")))
            #expect(try await broker.accessKeys().map(\.id) == ["AK2", "AK1"])
            try await broker.noteUse(ofAccessKeys: ["AK1", "unknown"])
            try await broker.noteUse(ofAccessKeys: [])
            let used = try #require(try await broker.accessKey("AK1")?.lastUsedAt)
            try await broker.noteUse(ofAccessKeys: ["AK1"])
            #expect(try await broker.accessKey("AK1")?.lastUsedAt == used, "noted a moment ago")
            #expect(try await broker.rotate(accessKey: "AK1", to: [9]))
            let rotated = try #require(try await broker.accessKey("AK1"))
            #expect(rotated.sealedSecret == [9] && rotated.rotatedAt != nil)
            #expect(try await broker.revoke(accessKey: "AK1"))
            #expect(try await broker.revoke(accessKey: "AK1") == false)
            #expect(try await broker.rotate(accessKey: "AK1", to: [8]) == false)
            #expect(try await broker.rotate(accessKey: "unknown", to: [8]) == false)
            #expect(try await broker.accessKey("AK1")?.revokedAt != nil)
            #expect(try await broker.accessKey("AK2")?.revokedAt == nil)
        }
    }

    @Test("each change of a key is recorded with who made it and without its secret, and what changed nothing is not")
    func recorded() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            try await Operator("ada", via: "cli").act {
                for id in ["AK1", "AK1"] { _ = try await broker.create(accessKey: key(id)) }
                for secret in [[7], [8]] as [[UInt8]] { _ = try await broker.rotate(accessKey: "AK1", to: secret) }
                for id in ["AK1", "AK1", "none"] { _ = try await broker.revoke(accessKey: id) }
            }
            let actions = try await broker.operatorActions()
            #expect(actions.map(\.verb) == [.revokeKey, .rotateKey, .rotateKey, .createKey])
            #expect(actions.allSatisfy { $0.detail["key"] == "AK1" && $0.by?.name == "ada" && $0.standing == .ended })
            #expect(actions.last?.detail == ["key": "AK1", "label": "warehouse"])
        }
    }

    @Test("of several who make the same key at once one does")
    func atOnce() async throws {
        try await Bench.with { bench in
            let made = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 { group.addTask { try await bench.another().create(accessKey: key("AK1")) } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1)
            #expect(try await bench.broker.operatorActions().count == 1)
        }
    }

    @Test(
        "permissions that are no JSON, no id, one that is too long, a label that is, and a rate of nothing are refused")
    func nonsense() async throws {
        try await Bench.with { bench in
            let changes: [@Sendable (inout NewAccessKey) -> Void] = [
                { $0.permissions = "a-*" }, { $0.id = "" }, { $0.id = String(repeating: "x", count: 201) },
                { $0.label = String(repeating: "x", count: 1001) }, { $0.ratePerSecond = 0 },
                { $0.ratePerSecond = .infinity }, { $0.ratePerSecond = -1 },
            ]
            for change in changes {
                var wrong = key("AK1")
                change(&wrong)
                let refused = wrong
                await #expect(throws: QueueError.self) { try await bench.broker.create(accessKey: refused) }
            }
            let kept = try await bench.broker.accessKeys()
            #expect(kept.isEmpty)
        }
    }
}
