import Foundation
import MessageQueue
import Postgres

/// Whether what a queue costs grows with what waits in it.
public struct BacklogBenchmark: Benchmark {
    public let name = "backlog"
    public let about = "Right after loading 1,000,000 messages, or as many as is said; floor: after 10,000"
    private let messages: Int?

    public init(messages: Int? = nil) { self.messages = messages }

    public func run(in lab: Lab) async throws -> [Reading] {
        let large = messages ?? lab.size(1_000_000, smoke: 5_000)
        let small = lab.size(10_000, smoke: 500)
        return try await lab.withDatabase { few in
            try await lab.withDatabase { many in
                let brokers = (few: Broker(few), many: Broker(many))
                for (broker, count) in [(brokers.few, small), (brokers.many, large)] {
                    await lab.say("loading \(count) messages")
                    try await broker.declare(queue: Workload.queue.name)
                    try await Workload.store(count, in: broker)
                }
                await lab.say("receiving")
                return try await measure(brokers.few, brokers.many, rounds: lab.size(20, smoke: 2))
            }
        }
    }

    private func measure(_ few: Broker, _ many: Broker, rounds: Int) async throws -> [Reading] {
        let single = try await compare(few, many, rounds, calls: 10) { broker in
            _ = try await broker.receive(Workload.queue.name, limit: 1, lease: .seconds(600))
        }
        let batch = try await compare(few, many, rounds, calls: 2) { broker in
            _ = try await broker.receive(Workload.queue.name, limit: 100, lease: .seconds(600))
        }
        let statistics = try await compare(few, many, rounds, calls: 10) { _ = try await $0.statistics() }
        return [("receive 1", single), ("receive 100", batch), ("depth and statistics", statistics)].map {
            Reading("\($0), large backlog", $1.many, "µs", floor: $1.few, target: .ratioAtMost(1.3))
        }
    }

    /// The median microseconds of a call on either, called in turn.
    private func compare(
        _ few: Broker, _ many: Broker, _ rounds: Int, calls: Int, _ call: (Broker) async throws -> Void
    ) async throws -> (few: Double, many: Double) {
        var times: (few: [Double], many: [Double]) = ([], [])
        for broker in [few, many] { try await call(broker) }
        for _ in 0..<rounds {
            for _ in 0..<calls { times.few.append(try await Self.microseconds { try await call(few) }) }
            for _ in 0..<calls { times.many.append(try await Self.microseconds { try await call(many) }) }
        }
        return (Distribution(times.few).median, Distribution(times.many).median)
    }

    static func microseconds(_ action: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        try await action()
        return start.secondsUntilNow * 1e6
    }
}
