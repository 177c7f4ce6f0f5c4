import MessageQueue
import Postgres
import TestSupport
import Testing

@Suite("Messages can be handled by hand")
struct TakeTests {
    private let queue: QueueName = "shoes"

    @Test("what is received by hand is nobody else's, and is done once completed")
    func complete() async throws {
        try await Bench.with { bench in
            try await bench.broker.send("left shoe", to: Queue<String>(queue))
            let taken = try await bench.broker.receive(queue, limit: 10, lease: .seconds(60))
            #expect(try taken.map { try $0.decoded(as: String.self).payload } == ["left shoe"])
            #expect(try await bench.broker.receive(queue, limit: 10, lease: .seconds(60)).isEmpty)
            try await bench.broker.complete(taken)
            #expect(try await bench.audit() == [])
        }
    }

    @Test(
        "a lease by hand that has ended gives the message to the next one who asks, and the old receipt is worth nothing"
    )
    func expiry() async throws {
        try await Bench.with { bench in
            try await bench.broker.send("left shoe", to: Queue<String>(queue))
            let first = try await bench.broker.receive(queue, lease: .milliseconds(1))
            var second: [ReceivedMessage] = []
            try await eventually("it can be taken again") {
                second = try await bench.broker.receive(queue, lease: .seconds(60))
                return !second.isEmpty
            }
            #expect(first.map(\.message) == second.map(\.message) && second.map(\.attempt) == [2])
            await #expect(throws: QueueError.self) { try await bench.broker.complete(first) }
            try await bench.broker.complete(second)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("an extended lease by hand holds")
    func extension_() async throws {
        try await Bench.with { bench in
            try await bench.broker.send("left shoe", to: Queue<String>(queue))
            let taken = try await bench.broker.receive(queue, lease: .seconds(60))
            try await bench.broker.extend(taken, to: .seconds(3600))
            let lease = try await bench.database.query(
                "SELECT extract(epoch FROM lease_until - now())::float8 FROM mq.claims"
            ) { try $0[0, as: Double.self] }
            #expect(lease.count == 1 && lease[0] > 3000)
            try await bench.broker.complete(taken)
        }
    }

    @Test("receiving by hand without a limit, without a lease or from no such queue is refused")
    func nonsense() async throws {
        try await Bench.with { bench in
            await #expect(throws: QueueError.self) {
                try await bench.broker.receive(queue, limit: 0, lease: .seconds(1))
            }
            await #expect(throws: QueueError.self) { try await bench.broker.receive(queue, lease: .zero) }
            await #expect(throws: QueueError.unknownQueue("boots")) {
                try await bench.broker.receive("boots", lease: .seconds(1))
            }
        }
    }
}
