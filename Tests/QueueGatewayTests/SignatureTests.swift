import Foundation
import HTTPTypes
import Postgres
import Testing

@testable import QueueGateway

@Suite("Signatures of requests")
struct SignatureTests {
    /// What Alibaba's own client signed, with the secret `TESTKEY`.
    private static let known: [(Signature, HTTPRequest, digest: String?, String)] = [
        (
            .mns, request(.put, "/queues/orders", ["content-type": "text/xml;charset=UTF-8"], at: "21:06:30"),
            "OGJjZTZmMWE0ODczNjFlOTdlZTdmOWYyOWNiNDBjYWI=", "o0hNXcPhWL+8WUR3oPxPOLaWC+A="
        ),
        (
            .mns, request(.get, "/queues", ["x-mns-ret-number": "1"], at: "21:06:30"), nil,
            "2ume+8Kdcgy9bF/n+UpQ+CWhk6g="
        ),
        (
            .mns,
            request(
                .post, "/queues/orders/messages",
                ["content-type": "text/xml;charset=UTF-8", "x-mns-user-request-id": "req-0001"], at: "21:06:30"),
            "ZWJhZmZkYjJkZjNhZDkxNWM1M2ViY2NiZjZmNTJlNTc=", "3YNkH5F3GWtBF62rtMsvZdAQVwc="
        ),
        (
            .mns, request(.get, "/queues/orders/messages?waitseconds=3", [:], at: "21:06:30"), nil,
            "qYEQEsjTs4dyDXv0kzpNdXcVKuE="
        ),
        (
            .rocketMQ,
            request(
                .post, "/topics/orders/messages?ns=MQ_INST_1", ["content-type": "text/xml;charset=UTF-8"],
                at: "21:06:35", "x-mq-version"), nil, "8JIFnPviFsnA8F3Dz/fYPhlIW6w="
        ),
        (
            .rocketMQ,
            request(
                .get,
                "/topics/orders/messages?consumer=GID-1&numOfMessages=3&ns=MQ_INST_1&waitseconds=1&tag=TagA%7C%7CTagB",
                [:], at: "21:06:34", "x-mq-version"), nil, "bNxx1FeKa06VAmu1kfJvoXqW4qg="
        ),
    ]

    private static func request(
        _ method: HTTPRequest.Method, _ target: String, _ headers: [String: String], at time: String,
        _ version: String = "x-mns-version"
    ) -> HTTPRequest {
        var fields: HTTPFields = [.date: "Sun, 22 Nov 2026 \(time) GMT", .lowercase(version): "2015-06-06"]
        for (name, value) in headers { fields[.lowercase(name)] = value }
        return HTTPRequest(
            method: method, scheme: "http", authority: "127.0.0.1:18083", path: target, headerFields: fields)
    }

    private static let now = Date(timeIntervalSince1970: 1_795_381_590)

    /// With one key that may do everything.
    static func ring() throws -> KeyRing {
        let secret = try #require(GatewaySecret(String(repeating: "s", count: 32)))
        let sealed = try secret.seal("TESTKEY", of: "TESTID")
        return KeyRing(secret: secret) {
            [
                StoredAccessKey(
                    id: "TESTID", sealedSecret: sealed, permissions: [.everything], ratePerSecond: nil,
                    isRevoked: false)
            ]
        }
    }

    private func call(_ request: HTTPRequest, _ signature: Signature, _ signed: String, body: [UInt8] = []) throws
        -> Call
    {
        var request = request
        request.headerFields[.authorization] = "\(signature.scheme) TESTID:\(signed)"
        return Call(head: try CallHead(request, isEncrypted: false), body: body)
    }

    @Test("signatures of requests are those that Alibaba's client makes", arguments: Self.known.indices)
    func vectors(_ number: Int) throws {
        let (signature, request, digest, signed) = Self.known[number]
        var head = request
        head.headerFields[.contentMD5] = digest
        let text = signature.text(of: try CallHead(head, isEncrypted: false))
        #expect(OpenKey.signature(of: text, with: "TESTKEY") == signed)
    }

    @Test("signatures of whoever has the secret are taken, at the time that the request says, and again in that second")
    func accepted() async throws {
        let keys = try Self.ring()
        let (signature, request, _, signed) = Self.known[3]
        let call = try call(request, signature, signed)
        for _ in 0..<2 { #expect(try await signature.account(of: call, among: keys, at: Self.now).id == "TESTID") }
        let early = Self.now.addingTimeInterval(-899)
        #expect(try await signature.account(of: call, among: keys, at: early).id == "TESTID")
    }

    @Test("no byte of a signed request can be another: neither target, method, date nor a header of the service's")
    func changed() async throws {
        let keys = try Self.ring()
        let (signature, request, _, signed) = Self.known[3]
        var others = Array(repeating: request, count: 4)
        others[0].path = "/queues/orders/messages?waitseconds=4"
        others[1].method = .delete
        others[2].headerFields[.date] = "Sun, 22 Nov 2026 21:06:31 GMT"
        others[3].headerFields[.lowercase("x-mns-prefix")] = "a"
        for other in others {
            let call = try call(other, signature, signed)
            await #expect(throws: Refusal.self) { try await signature.account(of: call, among: keys, at: Self.now) }
        }
    }

    @Test(
        "what is wrong with a signature is told: no header, scheme or date, a clock that is off, a key that nobody has"
    )
    func refused() async throws {
        let keys = try Self.ring()
        let (signature, request, _, signed) = Self.known[3]
        func reason(at now: Date = Self.now, _ change: (inout HTTPRequest) -> Void) async throws -> Refusal.Reason? {
            var changed = try call(request, signature, signed).head
            var sent = HTTPRequest(
                method: changed.method, scheme: "http", authority: "", path: changed.target,
                headerFields: changed.headers)
            change(&sent)
            changed = try CallHead(sent, isEncrypted: false)
            do {
                _ = try await signature.account(of: Call(head: changed, body: []), among: keys, at: now)
                return nil
            } catch let refusal as Refusal { return refusal.reason }
        }
        #expect(try await reason { $0.headerFields[.authorization] = nil } == .missingAuthorization)
        for bad in [
            "", "MNS", "MNS TESTID", "MNS TESTID:a:b", "MNS :\(signed)", "Basic TESTID:\(signed)", "MNS TESTID:%",
        ] {
            #expect(try await reason { $0.headerFields[.authorization] = bad } == .invalidAuthorization, "\(bad)")
        }
        #expect(try await reason { $0.headerFields[.date] = nil } == .missingDate)
        #expect(try await reason { $0.headerFields[.date] = "yesterday" } == .invalidDate)
        for seconds in [-901.0, 901] {
            #expect(try await reason(at: Self.now.addingTimeInterval(seconds)) { _ in } == .clockOff)
        }
        #expect(try await reason { $0.headerFields[.authorization] = "MNS NOBODY:\(signed)" } == .unknownKey)
        #expect(try await reason { $0.headerFields[.contentMD5] = "AAAA" } == .wrongDigest)
    }

    @Test("the digest of a body may be written as digits or as it is, and must be that of the body")
    func digests() async throws {
        let body = Array("<a/>".utf8)
        let keys = try Self.ring()
        let digits = BodyDigest.md5("<a/>").lowercased()
        let raw = stride(from: 0, to: 32, by: 2).compactMap { start in
            UInt8(digits.dropFirst(start).prefix(2), radix: 16)
        }
        for digest in [Data(digits.utf8).base64EncodedString(), Data(raw).base64EncodedString()] {
            var request = Self.request(.put, "/queues/q", [:], at: "21:06:30")
            request.headerFields[.contentMD5] = digest
            let text = Signature.mns.text(of: try CallHead(request, isEncrypted: false))
            let signed = OpenKey.signature(of: text, with: "TESTKEY")
            let good = try call(request, .mns, signed, body: body)
            #expect(try await Signature.mns.account(of: good, among: keys, at: Self.now).id == "TESTID")
            let other = try call(request, .mns, signed, body: body + [0x20])
            await #expect(throws: Refusal.self) {
                try await Signature.mns.account(of: other, among: keys, at: Self.now)
            }
        }
    }

    @Test("dates of requests are read as they are written, leap days and ends of months too; nothing else is a date")
    func dates() {
        #expect(RequestDate.parse("Sun, 06 Nov 1994 08:49:37 GMT") == Date(timeIntervalSince1970: 784_111_777))
        #expect(RequestDate.parse("Thu, 01 Jan 1970 00:00:00 GMT") == Date(timeIntervalSince1970: 0))
        #expect(RequestDate.parse("Tue, 29 Feb 2028 23:59:59 GMT") == Date(timeIntervalSince1970: 1_835_481_599))
        for text in [
            "", "Sun, 06 Nov 1994 08:49:37", "06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 99999999999999999999 Nov 1994 08:49:37 GMT",
        ] { #expect(RequestDate.parse(text) == nil, "\(text)") }
    }
}
