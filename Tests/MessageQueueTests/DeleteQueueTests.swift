import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("A queue can be deleted and made anew")
struct DeleteQueueTests {
    @Test("with a queue all that was in it is gone, from every table, and other queues keep theirs")
    func nothingIsLeft() async throws {
        try await Bench.with { bench in
            try await bench.broker.declare(queue: "boots", .init())
            try await bench.broker.send("stays", to: Queue<String>("boots"))
            try await bench.send(6)
            try await bench.broker.send([Outgoing(Shoe(size: 9), delay: .seconds(3600))], to: bench.shoes)
            let held = try await bench.broker.receive("shoes", limit: 4, lease: .seconds(3600))
            _ = try await bench.broker.changeVisibility(of: held[0].receipt, to: .seconds(60))
            try await bench.broker.deadLetter([.init(held[1], reason: "tight", error: nil)])
            #expect(try await bench.broker.delete(queue: "shoes"))
            let tables = [
                "messages", "claims", "completions", "leases", "scheduled", "dead_letters", "lanes", "tallies",
                "watermarks",
            ]
            for table in tables {
                let left = try await bench.database.query(
                    Statement("SELECT count(*) FROM mq.\(table) WHERE queue = $1"), bench.queue
                ) { try $0[0, as: Int.self] }
                #expect(left == [0], "\(table)")
            }
            #expect(try await bench.broker.statistics().map(\.queue) == ["boots"])
            #expect(try await bench.broker.peek("boots").count == 1)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a queue made anew under the name of a deleted one is another one: empty, and deaf to old receipts")
    func madeAnew() async throws {
        try await Bench.with { bench in
            let other = bench.another()
            try await bench.send(2)
            let held = try await bench.broker.receive("shoes", limit: 2, lease: .seconds(3600))
            try await other.delete(queue: "shoes")
            await #expect(throws: QueueError.unknownQueue("shoes")) { try await bench.send(1) }
            try await other.declare(queue: "shoes", .init())
            #expect(try await bench.broker.acknowledge(held.map(\.receipt)) == Set(held.map(\.receipt)))
            await #expect(throws: QueueError.self) {
                try await bench.broker.changeVisibility(of: held[0].receipt, to: .seconds(1))
            }
            #expect(try await bench.broker.peek("shoes").isEmpty)
            try await bench.send(1, from: 7)
            let fresh = try await bench.broker.receive("shoes", lease: .seconds(60))
            #expect(try fresh.map { try $0.decoded(as: Shoe.self).payload.size } == [7])
        }
    }

    @Test("deleting a queue that is not there changes nothing, and says so")
    func twice() async throws {
        try await Bench.with { bench async throws in
            #expect(try await bench.broker.delete(queue: "shoes"))
            #expect(try await !bench.broker.delete(queue: "shoes"))
        }
    }
}
