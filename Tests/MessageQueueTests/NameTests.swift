import Foundation
import Testing

@testable import MessageQueue

@Suite("Names, ids and receipts")
struct NameTests {
    @Test("an error about a queue, a topic or a subscription tells which")
    func errors() {
        #expect(QueueError.unknownQueue("shoes").queue == "shoes" && QueueError.unknownQueue("shoes").topic == nil)
        let unknown: [QueueError] = [.unknownTopic("news"), .unknownSubscription("warm", of: "news")]
        for error in unknown { #expect(error.topic == "news" && error.queue == nil && !error.isRetryable) }
    }

    @Test(
        "queues and topics take names of the stated alphabet and length, and refuse all others by an error that names them"
    )
    func alphabet() async throws {
        try await Bench.with { bench in
            for name in ["a", "7", "Orders.v2_eu-west", String(repeating: "x", count: 255)] {
                try await bench.broker.declare(queue: QueueName(name))
                try await bench.broker.declare(topic: TopicName(name))
            }
            for name in ["", ".a", "-a", "a b", "ä", "a/b", "a\n", "a'", String(repeating: "x", count: 256)] {
                await #expect(throws: QueueError.invalidName(name)) {
                    try await bench.broker.declare(queue: QueueName(name))
                }
                await #expect(throws: QueueError.invalidName(name)) {
                    try await bench.broker.declare(topic: TopicName(name))
                }
            }
        }
    }

    @Test("a message id is a UUID of version 7, and ids of later messages sort later")
    func order() {
        let now = Date()
        let ids = (0..<1000).map { MessageID(at: now + Double($0) / 1000) }
        #expect(ids.map(\.description) == ids.map(\.description).sorted())
        for id in ids {
            let bytes = id.uuid.uuid
            #expect(bytes.6 >> 4 == 7 && bytes.8 >> 6 == 2)
        }
        #expect(Set((0..<1000).map { _ in MessageID(at: now) }).count == 1000)
    }

    @Test("a message id and a receipt are read from the text that they are written as, and from no other")
    func texts() {
        let id = MessageID()
        #expect(MessageID(id.description) == id && MessageID(id.description.uppercased()) == id)
        let digits = id.description.replacing("-", with: "")
        #expect(MessageID(digits) == id && MessageID(digits.uppercased()) == id)
        for text in ["order-7", "\(digits.dropLast())", "\(digits)0", "g\(digits.dropFirst())", "\(id)-", "{\(id)}"] {
            #expect(MessageID(text) == nil, "\(text)")
        }
        let receipt = Receipt(queue: 12, lane: 3, seq: 1 << 40, mark: 0xcafe)
        for receipt in [receipt, receipt.inTurn(7)] {
            #expect(Receipt(receipt.description) == receipt)
            #expect(receipt.description.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." })
        }
        for text in [
            "", "1.2", "1.2.3", "1.2.3.4.5.6", "1.2.3.4.x", "1.2.x.4", "1..3.4", "1.2.3.z", "99999999999.1.1.1",
        ] {
            #expect(Receipt(text) == nil, "\(text)")
        }
    }

    @Test("in JSON a queue, a topic and a message id are texts")
    func json() throws {
        struct Entry: Codable, Equatable {
            var queue: QueueName = "orders"
            var topic: TopicName = "placed"
            var message = MessageID()
        }
        let entry = Entry()
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let body = try encoder.encode(entry)
        let expected = #"{"message":"\#(entry.message)","queue":"orders","topic":"placed"}"#
        #expect(String(decoding: body, as: UTF8.self) == expected)
        #expect(try JSONDecoder().decode(Entry.self, from: body) == entry)
    }
}
