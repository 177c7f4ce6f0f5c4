import Benchmarks
import Foundation
import MessageQueue
import QueueGateway

/// A kind of call that is made as fast as it is answered.
struct GatewayLoad: Sendable {
    /// By clients of MNS, but for those that consume and acknowledge, which are RocketMQ's.
    enum Work: String, Sendable {
        case send, publish
        case receive = "receive and delete"
        case consume = "consume and acknowledge"
    }

    let work: Work
    /// Messages in a call.
    let batch: Int

    static let all = [
        GatewayLoad(work: .send, batch: 1), GatewayLoad(work: .send, batch: 16),
        GatewayLoad(work: .receive, batch: 1), GatewayLoad(work: .receive, batch: 16),
        GatewayLoad(work: .publish, batch: 1),
        GatewayLoad(work: .consume, batch: 1), GatewayLoad(work: .consume, batch: 16),
    ]

    static let message = Outgoing(RawBody(Array(repeating: UInt8(ascii: "x"), count: 200)))

    var name: String { work.rawValue + (batch > 1 ? " \(batch)" : "") }
    var takes: Bool { work == .receive || work == .consume }

    /// Where the messages lie.
    var queue: Queue<RawBody> {
        switch work {
        case .send, .receive: GatewayPlaces.queue
        case .publish: GatewayPlaces.hearing
        case .consume: GatewayPlaces.groupQueue
        }
    }

    /// Of what wrk counts: requests to send, or messages that were deleted.
    var messagesPerRequest: Double { takes ? 1 : Double(batch) }

    private static let lease = Duration.seconds(60)

    static func store(_ count: Int, in queue: Queue<RawBody>, _ broker: Broker) async throws {
        for start in stride(from: 0, to: count, by: 1000) {
            let batch = Array(repeating: (), count: min(1000, count - start)).map { message.anew }
            try await broker.send(batch, to: queue)
        }
    }

    // MARK: Over HTTP

    func script(_ gateway: GatewayRun) throws -> String {
        let extent = "numOfMessages=\(batch)&waitseconds=0"
        return switch work {
        case .send: GatewayScript.repeating(try gateway.signed("POST", GatewayPlaces.queueMessages, body))
        case .publish: GatewayScript.repeating(try gateway.signed("POST", GatewayPlaces.topicMessages, body))
        case .receive:
            GatewayScript.receiving(
                try gateway.signed("GET", "\(GatewayPlaces.queueMessages)?\(extent)"),
                deleting: try gateway.signed("DELETE", GatewayPlaces.queueMessages, ""))
        case .consume:
            GatewayScript.receiving(
                try gateway.signed("GET", "\(GatewayPlaces.groupMessages)&\(extent)", to: .rocketMQ),
                deleting: try gateway.signed("DELETE", GatewayPlaces.groupMessages, "", to: .rocketMQ))
        }
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
        switch work {
        case .send: try await broker.send(messages, to: queue)
        case .publish: try await broker.publish(messages, to: GatewayPlaces.topic)
        case .receive, .consume: return try await take(broker)
        }
        return batch
    }

    private var messages: [Outgoing<RawBody>] { (0..<batch).map { _ in Self.message.anew } }

    private func take(_ broker: Broker) async throws -> Int {
        let taken = try await broker.receive(queue.name, limit: batch, lease: Self.lease)
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
