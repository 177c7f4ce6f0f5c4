import Postgres
import Testing

@testable import MessageQueue

@Suite("What is larger than can be kept is refused where it is sent", .timeLimit(.minutes(10)))
struct MessageLimitTests {
    /// What is just allowed, and what is just too much.
    struct Case: CustomTestStringConvertible, Sendable {
        let part: LimitExcess.Part
        let most: Int
        let message: @Sendable (_ excess: Int) -> Outgoing<String>

        var testDescription: String { "\(part)" }
    }

    private static let cases = [
        Case(part: .key, most: MessageLimits.keyBytes) { Outgoing("", key: text(MessageLimits.keyBytes + $0)) },
        Case(part: .tag, most: MessageLimits.tagBytes) { Outgoing("", tag: text(MessageLimits.tagBytes + $0)) },
        Case(part: .headers, most: MessageLimits.headerBytes) { excess in
            let half = MessageLimits.headerBytes / 2
            return Outgoing("", headers: ["a": text(half - 1), "b": text(half - 1 + excess)])
        },
        // Its JSON has two quotes more.
        Case(part: .body, most: MessageLimits.bodyBytes) {
            Outgoing(String(repeating: "x", count: MessageLimits.bodyBytes - 2 + $0))
        },
    ]

    /// Of so many bytes, in characters of three.
    private static func text(_ bytes: Int) -> String {
        String(repeating: "日", count: bytes / 3) + String(repeating: "x", count: bytes % 3)
    }

    private let texts = Queue<String>("shoes")

    @Test(
        "a message that is just small enough is stored whichever way it is sent, and one byte more is refused",
        arguments: cases)
    func sizes(of test: Case) async throws {
        try await Bench.with { bench in
            let broker = bench.broker
            let topic = Topic<String>("words")
            try await broker.declare(topic: topic.name)
            try await broker.subscribe("shoes", to: topic.name)
            let ways: [@Sendable (Outgoing<String>) async throws -> Void] = [
                { try await broker.send([$0], to: texts) },
                { message in try await bench.database.write { try broker.send([message], to: texts, in: $0) } },
                { try await broker.publish([$0], to: topic) },
                { try await broker.sendOnce([$0], to: texts) },
                { message in try await broker.withProducer(of: texts) { try await $0.send([message]) } },
            ]
            for way in ways {
                try await way(test.message(0))
                let over = test.message(1)
                let error = try await #require(throws: QueueError.self) { try await way(over) }
                guard case .beyondLimit(let excess) = error else { throw error }
                #expect(excess.part == test.part && excess.message == over.id && error.message == over.id)
                #expect(excess.found == .bytes(test.most + 1) && excess.most == .bytes(test.most))
            }
            #expect(try await bench.number("SELECT count(*) FROM mq.messages") == ways.count)
        }
    }

    @Test("a key that was just accepted can be held back, blocked, buried and found")
    func longestKey() async throws {
        try await Bench.with(QueueSettings(order: .blockOnFailure)) { bench in
            // Incompressible, as an index would have it at its largest.
            let key = String(
                (0..<MessageLimits.keyBytes).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() ?? "a" })
            try await bench.broker.send((1...3).map { Outgoing(Shoe(size: $0), key: key) }, to: bench.shoes)
            let held = try await bench.receive()
            try await bench.broker.deadLetter([.init(held[0], reason: "ugly", error: nil)])
            try await bench.broker.retry(held.dropFirst().map { .init($0, after: .zero, error: "behind") })
            #expect(try await bench.broker.blockedKeys().map(\.key) == [key])
            #expect(try await bench.broker.skipBlocked("shoes", key: key))
            #expect(try await bench.broker.deadLetters(.init(key: key)).count == 1)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "delays, leases and times to remember a key end at 366 days",
        arguments: [Duration.seconds(366 * 86_400 + 1), .seconds(100_000_000_000_000)])
    func times(time: Duration) async throws {
        try await Bench.with { bench in
            let (broker, shoes) = (bench.broker, bench.shoes)
            let late = Outgoing(Shoe(size: 1), delay: time)
            let attempts: [(part: LimitExcess.Part, call: @Sendable () async throws -> Void)] = [
                (.delay, { try await broker.send([late], to: shoes) }),
                (.delay, { try await broker.withProducer(of: shoes) { try await $0.send([late]) } }),
                (.memory, { try await broker.sendOnce([Outgoing(Shoe(size: 1))], to: shoes, within: time) }),
                (.lease, { _ = try await broker.receive("shoes", lease: time) }),
                (.lease, { try await broker.extend([], to: time) }),
            ]
            for (part, call) in attempts {
                let error = try await #require(throws: QueueError.self) { try await call() }
                let message = part == .delay ? late.id : nil
                let expected = LimitExcess(
                    part: part, found: .time(time), most: .time(MessageLimits.delay), message: message)
                #expect(error == .beyondLimit(expected))
            }
            try await broker.send([Outgoing(Shoe(size: 1), delay: MessageLimits.delay)], to: shoes)
            try await broker.sendOnce([Outgoing(Shoe(size: 2))], to: shoes, within: MessageLimits.delay)
            #expect(try await broker.receive("shoes", lease: MessageLimits.delay).count == 1)
        }
    }

    @Test("a key to send once by, and a tag to subscribe with, are as long as those of a message at most")
    func names() async throws {
        try await Bench.with { bench in
            let long = Self.text(MessageLimits.keyBytes + 1)
            try await bench.broker.declare(topic: "words")
            await #expect(throws: QueueError.self) {
                try await bench.broker.sendOnce([Outgoing(Shoe(size: 1))], to: bench.shoes, by: { _ in long })
            }
            await #expect(throws: QueueError.self) {
                try await bench.broker.subscribe("shoes", to: "words", tags: ["red", long])
            }
            for name in [QueueName(long), QueueName("no\0name"), ""] {
                await #expect(throws: QueueError.invalidName(name.text)) { try await bench.broker.declare(queue: name) }
            }
            #expect(
                try await bench.number(
                    "SELECT (SELECT count(*) FROM mq.sent_keys) + (SELECT count(*) FROM mq.subscriptions)") == 0)
        }
    }

    @Test("a worker of any name and version appears and works", arguments: [false, true])
    func workers(isLong: Bool) async throws {
        let name = isLong ? String(repeating: "日", count: 100_000) : "no\0name"
        try await Bench.with { bench in
            try await bench.createEffects()
            try await bench.send(3)
            try await bench.work([Lace()], WorkerOptions(version: name), named: name) { try await $0.done(3) }
            let longest = "SELECT max(octet_length(name || version)) FROM mq.consumers"
            #expect(try await bench.number(Statement(longest)) <= 2 * MessageLimits.nameBytes)
        }
    }

    @Test("what a lost consumer held is taken back in portions that a process can hold")
    func portions() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            let body = String(repeating: "x", count: MessageLimits.parcelBytes / 4 - 2)
            for number in 0..<5 { try await bench.broker.send([Outgoing(body, key: "\(number)")], to: texts) }
            #expect(try await bench.receive().count == 5)
            for count in [4, 1, 0] { #expect(try await bench.rescue() == count) }
            try await bench.promoteAll()
            #expect(try await bench.receive().map(\.attempt) == [2, 2, 2, 2, 2])
            #expect(try await bench.audit() == [])
        }
    }

    @Test("more than goes into one statement is sent, retried and buried all the same, in order")
    func parcels() async throws {
        try await Bench.with(QueueSettings(lanes: 1)) { bench in
            let body = String(repeating: "x", count: MessageLimits.parcelBytes / 5 + 1)
            try await bench.broker.send((0..<5).map { Outgoing(body, key: "\($0)") }, to: texts)
            let held = try await bench.receive()
            #expect(held.map(\.message.key) == ["0", "1", "2", "3", "4"])
            try await bench.broker.retry(held.map { .init($0, after: .zero, error: "") })
            try await bench.promoteAll()
            try await bench.broker.deadLetter(try await bench.receive().map { .init($0, reason: "test", error: nil) })
            let buried = try await bench.database.query(
                "SELECT key || ':' || octet_length(body) FROM mq.dead_letters ORDER BY key"
            ) { try $0[0, as: String.self] }
            #expect(buried == (0..<5).map { "\($0):\(body.utf8.count + 2)" })
        }
    }
}
