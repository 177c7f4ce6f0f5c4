import Foundation
import MessageQueue
import Postgres

/// What benchmarks send.
enum Workload {
    static let queue = Queue<String>("bench")

    /// 200 bytes, once it is JSON.
    static let payload = String(repeating: "x", count: 198)

    static func messages(_ count: Int) -> [Outgoing<String>] { (0..<count).map { _ in Outgoing(payload) } }

    /// Fills the queue with `count` messages, through `connections` connections, 1,000 a transaction.
    static func store(_ count: Int, in broker: Broker, connections: Int = 4) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for share in shares(of: count, among: connections) {
                group.addTask {
                    for size in shares(of: share, each: 1000) { try await broker.send(messages(size), to: queue) }
                }
            }
            try await group.waitForAll()
        }
        await broker.flush()
    }

    /// As even as can be; together `count`.
    static func shares(of count: Int, among number: Int) -> [Int] {
        (0..<number).map { count * ($0 + 1) / number - count * $0 / number }
    }

    /// `size` each, and the rest.
    static func shares(of count: Int, each size: Int) -> [Int] {
        let (whole, rest) = count.quotientAndRemainder(dividingBy: size)
        return Array(repeating: size, count: whole) + (rest > 0 ? [rest] : [])
    }
}
