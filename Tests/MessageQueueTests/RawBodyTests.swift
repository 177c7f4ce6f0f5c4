import Foundation
import Postgres
import Testing

@testable import MessageQueue

@Suite("A raw body is stored and delivered byte by byte")
struct RawBodyTests {
    private let letters = Queue<RawBody>("shoes")
    /// No text in UTF-8, and no JSON.
    private let bytes: [UInt8] = [0, 255, 0x22, 0x5c] + Array(0...255)

    private func stored(_ bench: Bench) async throws -> [[UInt8]] {
        try await bench.database.query("SELECT body FROM mq.messages ORDER BY seq, lane") {
            try $0[0, as: Bytes.self].bytes
        }
    }

    @Test(
        "a raw body is the bytes, whichever way it is sent: alone, among others, once, delayed, by a producer, published"
    )
    func everyWay() async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            try await broker.declare(topic: "mail")
            try await broker.subscribe("shoes", to: "mail")
            let message = { @Sendable [bytes] in Outgoing(RawBody(bytes)) }
            try await broker.send(RawBody(bytes), to: letters)
            try await broker.send([message(), message()], to: letters)
            try await broker.sendOnce([message()], to: letters)
            try await broker.send([Outgoing(RawBody(bytes), delay: .seconds(60))], to: letters)
            try await broker.withProducer(of: letters) { try await $0.send([message(), message()]) }
            try await broker.publish([message()], to: Topic<RawBody>("mail"))
            try await bench.promoteAll()
            #expect(try await stored(bench) == Array(repeating: bytes, count: 8))
            let held = try await broker.receive("shoes", limit: 10, lease: .seconds(60))
            #expect(held.map(\.message.body) == Array(repeating: bytes, count: 8))
            #expect(try held.allSatisfy { try $0.decoded(as: RawBody.self).payload == RawBody(bytes) })
        }
    }

    @Test("an empty raw body is one, and what a step sent as JSON is read as it stands")
    func others() async throws {
        try await Bench.with { bench in
            try await bench.broker.send(RawBody([]), to: letters)
            try await bench.broker.send(Shoe(size: 4), to: bench.shoes)
            try await bench.broker.send(RawBody("{\"size\":5}"), to: letters)
            let held = try await bench.broker.receive("shoes", limit: 3, lease: .seconds(60))
            #expect(Set(held.map(\.message.body)) == [[], Array("{\"size\":4}".utf8), Array("{\"size\":5}".utf8)])
            #expect(throws: (any Error).self) { try held.first { $0.message.body == [] }?.decoded(as: Shoe.self) }
            let sizes = try held.filter { $0.message.body != [] }.map { try $0.decoded(as: Shoe.self).payload.size }
            #expect(Set(sizes) == [4, 5])
        }
    }

    @Test("a raw body within another payload is a text in base 64")
    func nested() throws {
        struct Envelope: Codable, Equatable, Sendable { let letter: RawBody }
        let body = try Payloads.encode(Envelope(letter: RawBody([1, 2, 255])))
        #expect(String(decoding: body, as: UTF8.self) == "{\"letter\":\"AQL\\/\"}")
        #expect(try Payloads.decode(Envelope.self, from: body) == Envelope(letter: RawBody([1, 2, 255])))
    }
}
