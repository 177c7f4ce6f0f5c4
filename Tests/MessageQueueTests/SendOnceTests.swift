import Postgres
import Testing

@testable import MessageQueue

@Suite("Sending once by key")
struct SendOnceTests {
    private func once(
        _ messages: [Outgoing<Shoe>], _ bench: Bench, to queue: Queue<Shoe> = Queue("shoes")
    ) async throws -> Int {
        try await bench.broker.sendOnce(messages, to: queue, by: \.key)
    }

    private func stored(_ bench: Bench) async throws -> [Int] {
        try await bench.receive().map { try $0.decoded(as: Shoe.self).payload.size }.sorted()
    }

    @Test("of messages that are sent once with one key the first is stored, and each queue counts by itself")
    func first() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(queue: "boots")
            let messages = [1, 2, 3].map { Outgoing(Shoe(size: $0), key: $0 == 3 ? "b" : "a") }
            #expect(try await once(messages, bench) == 2)
            #expect(try await once(messages, bench) == 0)
            #expect(try await once(messages, bench, to: Queue("boots")) == 2)
            #expect(try await stored(bench) == [1, 3])
        }
    }

    @Test("messages without a key that are sent once by key are never taken for one another")
    func keyless() async throws {
        try await Bench.with { bench in
            let messages = [Outgoing(Shoe(size: 1)), Outgoing(Shoe(size: 2))]
            let counts = [try await once(messages, bench), try await once(messages, bench)]
            #expect(counts == [2, 0], "the second time their ids are known")
            #expect(try await stored(bench) == [1, 2])
        }
    }

    @Test("a key that was sent once in a transaction that rolled back is free again")
    func rollback() async throws {
        struct Stop: Error {}
        try await Bench.with { bench in
            let message = Outgoing(Shoe(size: 1), key: "a")
            await #expect(throws: Stop.self) {
                try await bench.database.write { session in
                    let new = try bench.broker.sendOnce([message], to: bench.shoes, by: \.key, in: session)
                    #expect(new == 1)
                    throw Stop()
                }
            }
            let new = try await once([message], bench)
            #expect(new == 1)
            #expect(try await stored(bench) == [1])
        }
    }
}
