import Foundation
import HTTPTypes
import MessageQueue
import Testing

@testable import QueueGateway

/// What anybody may send, changed at random: read as something, or refused, and never more than that.
@Suite("Texts that clients send")
struct NoiseTests {
    private static let some = [
        "%", "%00", "%C3%A9", "/", "?", "&", "=", "+", ":", "|", ",", "*", "-", ".", "_", "\0", "é", "\u{301}",
        "\u{1F600}", "99999999999999999999", "-1", "a",
    ]

    private static func changed(_ text: String, using generator: inout SeededGenerator) -> String {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...5, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0 where place < bytes.count: bytes[place] = .random(in: .min ... .max, using: &generator)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2: bytes.insert(contentsOf: Array(bytes[place...].prefix(8)), at: place)
            default: bytes.insert(contentsOf: Array((some.randomElement(using: &generator) ?? "").utf8), at: place)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Each of the texts as it is, and thousands that were made of them.
    private static func each(
        _ texts: [String], seed: UInt64, _ body: (_ original: String, _ text: String) throws -> Void
    ) rethrows {
        var generator = SeededGenerator(seed: seed)
        for text in texts { try body(text, text) }
        for round in 0..<5000 {
            let text = texts[round % texts.count]
            try body(text, changed(text, using: &generator))
        }
    }

    private static func head(_ target: String, authorization: String? = nil) throws -> CallHead {
        var fields = HTTPFields()
        fields[.authorization] = authorization
        let request = HTTPRequest(
            method: .get, scheme: "http", authority: "gateway", path: target, headerFields: fields)
        return try CallHead(request, isEncrypted: false)
    }

    @Test("any text as a request's target is a path and parameters, or refused")
    func targets() {
        let targets = [
            "/queues/orders/messages?numOfMessages=16&waitseconds=3", "/topics/a%2Fb/subscriptions/%E4%BD%A0?x",
            "/v1/queues?prefix=a&limit=10&counts=true&after=q", "/?a=b&&c==d&A=e", "/",
        ]
        Self.each(targets, seed: 31) { _, target in
            do {
                let head = try Self.head(target)
                _ = Tongue(head)
                var parameters = Parameters(head.query)
                _ = (NamePage(&parameters), parameters.flag("counts"))
                do { try parameters.end() } catch { #expect(error is Problem, "\(target)") }
                _ = try head.query.number("numOfMessages", in: 1...16)
            } catch { #expect(error is Refusal, "\(target): \(error)") }
        }
    }

    @Test("any text as an access key is an id and a secret, or refused")
    func presentedKeys() throws {
        let basic = Data("AKID:secret:with:colons".utf8).base64EncodedString()
        try Self.each(["Basic \(basic)", "Bearer AKID:secret", "bearer a:"], seed: 32) { _, text in
            let head = try Self.head("/v1/queues", authorization: text)
            do {
                let key = try PresentedKey(head)
                #expect(!key.id.isEmpty, "\(text)")
            } catch { #expect(error is Problem, "\(text): \(error)") }
        }
    }

    @Test("any text as a receipt handle is the one that was handed out, byte by byte, or refused")
    func handles() throws {
        let handles = Handles(try #require(GatewaySecret(String(repeating: "k", count: 32))))
        let receipts = ["12.3.4567890.deadbeef.2", "1.0.1.0", "h.77.3.deadbeef", "s.1.2.ff"]
        let known = receipts.map { handles.handle(of: $0, in: "orders") }
        var refused = 0
        Self.each(known, seed: 33) { original, text in
            do {
                let receipt = try handles.receipt(in: text, of: "orders")
                #expect(known.contains { Array($0.utf8) == Array(text.utf8) }, "\(text) of \(original)")
                #expect(receipts.contains(receipt))
            } catch {
                refused += 1
                #expect(error is Refusal, "\(text): \(error)")
            }
        }
        #expect(refused > 3000)
    }

    @Test("any text as a receipt is one that is written as it is read, or none")
    func receipts() {
        Self.each(["12.3.4567890.deadbeef.2", "1.0.1.0", "h.77.3.deadbeef"], seed: 34) { _, text in
            if let receipt = Receipt(text) { #expect(Receipt(receipt.description) == receipt, "\(text)") }
            if let half = HalfReceipt(text) { #expect(HalfReceipt(half.description) == half, "\(text)") }
        }
        Self.each(["0190C8E0A5D27CC19D6BF4F0A1B2C3D4", "0190c8e0-a5d2-7cc1-9d6b-f4f0a1b2c3d4"], seed: 35) { _, text in
            if let id = MessageID(text) { #expect(MessageID(id.digits) == id, "\(text)") }
        }
    }

    @Test("any text as properties of RocketMQ's is told again as it was read")
    func properties() {
        let texts = [
            "KEYS:a b|__SHARDINGKEY:x|n:1|", "__STARTDELIVERTIME:1795381590000|gateway.a:b|", "a:\u{301}b|c:d:e|",
        ]
        Self.each(texts, seed: 36) { _, text in
            let read = MQProperties(text)
            _ = (read.keys, read.shardingKey, read.startTime, read.checkTime)
            guard let headers = try? read.headers() else { return }
            let told = MQProperties(headers: headers)
            #expect(MQProperties(told.text ?? "") == told, "\(text)")
        }
    }

    @Test("any text as a permission is one that is written as it is read, or none")
    func permissions() {
        Self.each(["send,receive:queues/orders-*", "*:*", "read:topics/a*b*c"], seed: 37) { _, text in
            guard let permission = Permission(text) else { return }
            #expect(Permission(permission.description) == permission, "\(text)")
            _ = permission.allows(.send, on: "queues/orders-1")
        }
        let stored = #"["*:*","read:queues/a"]"#
        Self.each([stored], seed: 38) { _, text in
            #expect(Permission.list(in: text).count < 50, "\(text)")
        }
    }

    @Test("any text as a position of a search is one that is written as it is read, or none")
    func positions() {
        Self.each(["1z141z3_1.0.a_2.3.zzz", "0", "zik0zj_1.2.-5_1.2.9"], seed: 39) { _, text in
            guard let position = SearchPosition(text) else { return }
            #expect(SearchPosition(position.description) == position, "\(text)")
        }
    }
}
