import Foundation
import Postgres
import TestSupport
import Testing

@testable import MessageQueue

@Suite("Calls that receive by hand at the same time share a claim")
struct ReceiveTogetherTests {
    private let crowd = 64

    @Test("of a crowd each gets a message while there are any, whatever its lease, and no message comes to two")
    func crowds() async throws {
        try await Bench.with { bench in
            try await bench.send(crowd)
            let received = try await withThrowingTaskGroup(of: [ReceivedMessage].self) { group in
                for number in 0..<crowd {
                    let lease = Duration.seconds(number.isMultiple(of: 2) ? 60 : 3600)
                    group.addTask { try await bench.broker.receive("shoes", lease: lease) }
                }
                return try await group.reduce(into: [[ReceivedMessage]]()) { $0.append($1) }
            }
            #expect(received.allSatisfy { $0.count == 1 }, "\(received.map(\.count))")
            #expect(Set(received.joined().map(\.message.id)).count == crowd)
            #expect(try await bench.broker.receive("shoes", lease: .seconds(60)).isEmpty)
            #expect(try await bench.audit() == [])
        }
    }

    @Test("a crowd that comes while a claim is held up makes few claims in all")
    func claims() async throws {
        try await Bench.with { bench in
            try await bench.send(crowd)
            let holder = try await Connection.open(bench.database.conninfo)
            try await holder.script("BEGIN; LOCK TABLE mq.lanes IN ACCESS EXCLUSIVE MODE")
            let begun = Tally(0)
            let received = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<crowd {
                    group.addTask {
                        begun.change { $0 += 1 }
                        return try await bench.broker.receive("shoes", lease: .seconds(60)).count
                    }
                }
                try await eventually("all of them have come") { begun.value == crowd }
                try await holder.script("COMMIT")
                return try await group.reduce(0, +)
            }
            #expect(received == crowd)
            #expect(try await bench.number("SELECT count(*) FROM mq.claims") < crowd / 2)
            await holder.close()
        }
    }

    @Test("calls that share a claim each get no more than they asked for, and what is left over goes to nobody")
    func limits() async throws {
        try await Bench.with { bench in
            try await bench.send(20)
            let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                for limit in [3, 5, 3, 5] {
                    group.addTask {
                        let messages = try await bench.broker.receive("shoes", limit: limit, lease: .seconds(60))
                        #expect(messages.count <= limit)
                        return messages.count
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(counts == 16)
            #expect(try await bench.broker.receive("shoes", limit: 100, lease: .seconds(60)).count == 4)
        }
    }

    @Test("who is cancelled takes nothing: the message is there for the next one, with no attempt counted")
    func cancelled() async throws {
        try await Bench.with { bench in
            try await bench.send(1)
            for _ in 0..<20 {
                let call = Task { try await bench.broker.receive("shoes", lease: .seconds(3600)) }
                call.cancel()
                await #expect(throws: CancellationError.self) { try await call.value }
            }
            try await bench.promoteAll()
            let messages = try await bench.broker.receive("shoes", lease: .seconds(60))
            #expect(messages.map(\.attempt) == [1])
        }
    }
}
