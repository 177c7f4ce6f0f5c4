import Benchmarks
import Foundation
import MessageQueue
import QueueGateway

/// A kind of call that is made as fast as it is answered.
struct GatewayLoad: Sendable {
    /// Sends, or receives and deletes.
    let takes: Bool
    /// Messages in a call.
    let batch: Int

    static let all = [
        GatewayLoad(takes: false, batch: 1), GatewayLoad(takes: false, batch: 16),
        GatewayLoad(takes: true, batch: 1), GatewayLoad(takes: true, batch: 16),
    ]

    static let message = Outgoing(RawBody(Array(repeating: UInt8(ascii: "x"), count: 200)))

    var name: String { (takes ? "receive and delete" : "send") + (batch > 1 ? " \(batch)" : "") }

    /// Of what wrk counts: requests to send, or messages that were deleted.
    var messagesPerRequest: Double { takes ? 1 : Double(batch) }

    private static let lease = Duration.seconds(60)

    static func store(
        _ count: Int, in queue: Queue<RawBody> = GatewayBenchmark.queue, _ broker: Broker
    ) async throws {
        for start in stride(from: 0, to: count, by: 1000) {
            let batch = Array(repeating: (), count: min(1000, count - start)).map { message.anew }
            try await broker.send(batch, to: queue)
        }
    }

    // MARK: Over HTTP

    func script(_ gateway: GatewayRun) throws -> String {
        let target = "/queues/\(GatewayBenchmark.queue.name)/messages"
        guard takes else { return GatewayScript.repeating(try gateway.signed("POST", target, body)) }
        let receive = try gateway.signed("GET", target + "?numOfMessages=\(batch)&waitseconds=0")
        return GatewayScript.receiving(receive, deleting: try gateway.signed("DELETE", target, ""))
    }

    private var body: String {
        let text = String(repeating: "x", count: 200)
        let one = "<Message><MessageBody>\(text)</MessageBody></Message>"
        return batch == 1 ? one : "<Messages>\(String(repeating: one, count: batch))</Messages>"
    }

    // MARK: Through the library

    /// - Returns: messages a second, until nothing is left to receive.
    func throughLibrary(_ broker: Broker, tasks: Int, seconds: Int) async throws -> Double {
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var count = 0
                    while ContinuousClock.now < end {
                        let more = try await call(broker)
                        if more == 0 { break }
                        count += more
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(count) / start.secondsUntilNow
    }

    private func call(_ broker: Broker) async throws -> Int {
        guard takes else {
            try await broker.send((0..<batch).map { _ in Self.message.anew }, to: GatewayBenchmark.queue)
            return batch
        }
        let taken = try await broker.receive(GatewayBenchmark.queue.name, limit: batch, lease: Self.lease)
        guard try await broker.acknowledge(taken.map(\.receipt)).isEmpty else {
            throw BenchmarkFailure("what was just received could not be acknowledged")
        }
        return taken.count
    }
}

extension Outgoing {
    /// Another message of the same payload.
    fileprivate var anew: Outgoing { Outgoing(payload) }
}
