import Foundation
import HTTPTypes
import Testing

@testable import QueueGateway

/// Requests as they come off the wire, changed at random.
@Suite("Signatures of requests that were tampered with")
struct SignatureNoiseTests {
    /// The parts of a request that anybody on the way can change.
    private struct Wire: Equatable {
        var method: String
        var target: String
        var fields: [(name: String, value: String)]
        var body: String

        /// Nil where the server in front would have refused it.
        var call: Call? {
            guard let method = HTTPRequest.Method(method) else { return nil }
            var headers = HTTPFields()
            for (name, value) in fields {
                guard let name = HTTPField.Name(name), HTTPField.isValidValue(value) else { return nil }
                headers.append(HTTPField(name: name, value: value))
            }
            let request = HTTPRequest(
                method: method, scheme: "http", authority: "", path: target, headerFields: headers)
            return (try? CallHead(request, isEncrypted: false)).map { Call(head: $0, body: Array(body.utf8)) }
        }

        static func == (one: Wire, other: Wire) -> Bool {
            one.method == other.method && one.target == other.target && one.body == other.body
                && one.fields.map(\.name) == other.fields.map(\.name)
                && one.fields.map(\.value) == other.fields.map(\.value)
        }
    }

    private static let now = Date(timeIntervalSince1970: 1_795_381_590)

    private static func wire(_ signature: Signature, digest: Bool) -> Wire {
        let body = "<Message><MessageBody>x</MessageBody></Message>"
        var wire = Wire(
            method: "POST", target: "/queues/orders/messages?a=b",
            fields: [
                ("Date", RequestDate.text(of: now)), ("Content-Type", "text/xml"),
                ("\(signature.prefix)version", "2015-06-06"), ("\(signature.prefix)a", "b"),
            ], body: body)
        if digest {
            wire.fields.append(("Content-MD5", Data(BodyDigest.md5(body).lowercased().utf8).base64EncodedString()))
        }
        let text = wire.call.map { signature.text(of: $0.head) } ?? ""
        wire.fields.append(
            ("Authorization", "\(signature.scheme) TESTID:\(OpenKey.signature(of: text, with: "TESTKEY"))"))
        return wire
    }

    @Test(
        "whatever of a signed request was changed on the way, checking it ends, refused or with nothing that counts changed",
        arguments: [true, false])
    func noise(digest: Bool) async throws {
        let keys = try SignatureTests.ring()
        var generator = SeededGenerator(seed: digest ? 17 : 18)
        var (accepted, refused) = (0, 0)
        let wires = [Signature.mns, .rocketMQ].map { (signature: $0, wire: Self.wire($0, digest: digest)) }
        for round in 0..<4000 {
            let (signature, original) = wires[round % wires.count]
            let first = try #require(original.call)
            var changed = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) { Self.change(&changed, using: &generator) }
            guard let call = changed.call else { continue }
            do {
                #expect(try await signature.account(of: call, among: keys, at: Self.now).id == "TESTID")
                accepted += 1
                #expect(signature.text(of: call.head) == signature.text(of: first.head), "\(changed)")
                #expect(!digest || call.body == first.body, "\(changed)")
            } catch {
                refused += 1
                #expect(error is Refusal, "\(error)")
                #expect(changed != original)
            }
        }
        #expect(accepted > 0 && refused > 500, "\(accepted) accepted, \(refused) refused")
    }

    private static func change(_ wire: inout Wire, using generator: inout SeededGenerator) {
        let number = Int.random(in: 0..<wire.fields.count, using: &generator)
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: wire.method = ["GET", "PUT", "post", "POST"].randomElement(using: &generator) ?? ""
        case 1: wire.target = changed(wire.target, using: &generator)
        case 2: wire.body = changed(wire.body, using: &generator)
        case 3: wire.fields[number].name = changed(wire.fields[number].name, using: &generator)
        case 4 where wire.fields.count > 1: wire.fields.remove(at: number)
        case 5: wire.fields.append(wire.fields[number])
        case 6: wire.fields.shuffle(using: &generator)
        case 7: wire.fields[number].name = wire.fields[number].name.uppercased()
        default: wire.fields[number].value = changed(wire.fields[number].value, using: &generator)
        }
    }

    private static func changed(_ text: String, using generator: inout SeededGenerator) -> String {
        var characters = Array(text)
        let place = Int.random(in: 0...characters.count, using: &generator)
        let some = [
            "\n", " ", "\0", "/", ":", "=", "?", "%", "%00", "A", "0", "é", "\u{1F600}", "99999999999999999999",
        ]
        switch Int.random(in: 0..<3, using: &generator) {
        case 0 where place < characters.count: characters.remove(at: place)
        case 1 where place < characters.count:
            characters[place] = "/:=?%A09 é".randomElement(using: &generator) ?? "A"
        default: characters.insert(contentsOf: some.randomElement(using: &generator) ?? "", at: place)
        }
        return String(characters)
    }

    @Test("whatever stands in a request as its date, reading it ends")
    func dates() {
        var generator = SeededGenerator(seed: 19)
        let written = RequestDate.text(of: Self.now)
        for _ in 0..<20_000 {
            var text = written
            for _ in 0..<Int.random(in: 1...4, using: &generator) { text = Self.changed(text, using: &generator) }
            guard let date = RequestDate.parse(text) else { continue }
            #expect(RequestDate.parse(RequestDate.text(of: date)) == date, "\(text)")
        }
    }
}
