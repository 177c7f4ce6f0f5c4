import MessageQueue
import Postgres

/// Whether live segments make the life of a single message dearer.
public struct SegmentsBenchmark: Benchmark {
    public let name = "segments"
    public let about = "One message sent, received and completed, with 6 live segments; floor: with 1"
    private static let segments = 6

    public init() {}

    public func run(in lab: Lab) async throws -> [Reading] {
        try await lab.withDatabase { one in
            try await lab.withDatabase { six in
                let brokers = [Broker(one), Broker(six)]
                for broker in brokers { try await broker.declare(queue: Workload.queue.name) }
                await lab.say("opening \(Self.segments) segments")
                try await open(Self.segments, of: brokers[1])
                let rounds = lab.size(20, smoke: 2)
                var times: [[Double]] = [[], []]
                await lab.say("round trips")
                for round in 0..<rounds + 1 {
                    for (index, broker) in brokers.enumerated() {
                        let measured = try await Self.roundTrips(25, of: broker)
                        if round > 0 { times[index] += measured }
                    }
                }
                return [
                    Reading(
                        "round trip, \(Self.segments) segments", Distribution(times[1]).median, "µs",
                        floor: Distribution(times[0]).median, target: .ratioAtMost(1.25))
                ]
            }
        }
    }

    /// Each has had its traffic before the next one is opened.
    private func open(_ count: Int, of broker: Broker) async throws {
        for number in 2...count {
            _ = try await Self.roundTrips(50, of: broker)
            try await broker.database.write { session in
                try session.execute("SELECT mq.open_segment($1)", Int32(number))
                try session.execute("SELECT mq.advance_head($1)", Int32(number))
            }
        }
    }

    /// The microseconds of each.
    static func roundTrips(_ count: Int, of broker: Broker) async throws -> [Double] {
        var times: [Double] = []
        for _ in 0..<count {
            times.append(
                try await BacklogBenchmark.microseconds {
                    try await broker.send(Workload.payload, to: Workload.queue)
                    let received = try await broker.receive(Workload.queue.name, lease: .seconds(60))
                    guard received.count == 1 else { throw BenchmarkFailure("\(received.count) messages came for one") }
                    try await broker.complete(received)
                })
        }
        return times
    }
}
