import MessageQueue
import Postgres

/// Finishes messages: those that clients delete at the same time in one transaction.
struct Deletions: Sendable {
    private let group: GroupCommit<[Receipt], Set<Receipt>>

    private static let mostTogether = 64

    init(_ broker: Broker) {
        group = GroupCommit(limit: Self.mostTogether, lines: 2) { waiting in
            var lost = try await broker.acknowledge(Array(Set(waiting.joined())))
            return waiting.map { receipts in
                // A receipt is used once: to whoever gives it second it is worth nothing.
                defer { lost.formUnion(receipts) }
                return lost.intersection(receipts)
            }
        }
    }

    /// Finishes what these receipts stand for.
    ///
    /// - Returns: in their order, whether each was worth something: one that stands there twice was, once.
    func delete(_ receipts: [Receipt]) async throws -> [Bool] {
        var lost = receipts.isEmpty ? [] : try await group.submit(receipts)
        return receipts.map { lost.insert($0).inserted }
    }
}
