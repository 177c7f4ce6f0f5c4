import Postgres
import Synchronization

/// Lets those who receive by hand from the same queue at the same time share a claim for each lease that is asked for, whose messages
/// are dealt out in the order of their coming.
///
/// Each by itself would find lanes that the others are just claiming from, and then look in vain for what is abandoned or due, which
/// costs more than a claim: a crowd would hardly get anything.
final class ReceiveTogether: Sendable {
    private struct Call: Sendable {
        let broker: Broker
        let entry: Catalogue.Entry
        let limit: Int
        let lease: Duration
    }

    /// Nil for a call whose turn has not come: it comes again.
    private typealias Outcome = Result<[ReceivedMessage]?, any Error>
    private typealias Group = GroupCommit<Call, Outcome>

    /// By queue, each while somebody receives from it.
    private let groups = Mutex<[Int32: (group: Group, calls: Int)]>([:])

    private static let mostTogether = 256
    /// A shared claim asks for no more than that, so that a crowd takes no more memory at once than one of its calls might.
    static let mostMessages = 1000
    /// The same in a queue that keeps order, where bodies are not weighed, see ``HandfulOfBodies``.
    static let mostInOrder = 64
    /// Claims from the same queue that are under way at once. A second one finds most lanes taken.
    private static let lines = 1

    /// Takes messages once it is this call's turn. A task that is cancelled gets them all the same.
    func receive(
        from entry: Catalogue.Entry, limit: Int, lease: Duration, with broker: Broker
    ) async throws -> [ReceivedMessage] {
        let call = Call(broker: broker, entry: entry, limit: min(limit, Broker.largestClaim), lease: lease)
        let group = enter(entry.id)
        defer { leave(entry.id) }
        while true {
            if let messages = try await group.submit(call).get() { return messages }
        }
    }

    private func enter(_ queue: Int32) -> Group {
        groups.withLock { groups in
            let known = groups[queue]
            let group = known?.group ?? Group(limit: Self.mostTogether, lines: Self.lines, commit: Self.take)
            groups[queue] = (group, (known?.calls ?? 0) + 1)
            return group
        }
    }

    private func leave(_ queue: Int32) {
        groups.withLock { groups in
            guard let (group, calls) = groups[queue] else { return }
            groups[queue] = calls > 1 ? (group: group, calls: calls - 1) : nil
        }
    }

    /// The queues that somebody is just receiving from.
    var count: Int { groups.withLock { $0.count } }

    private static func take(_ calls: [Call]) async -> [Outcome] {
        var outcomes = calls.map { _ in Outcome.success([]) }
        for (_, indices) in Dictionary(grouping: calls.indices, by: { calls[$0].lease }) {
            do {
                let isInOrder = calls.first?.entry.order != nil
                let count = share(of: indices.map { calls[$0].limit }, atMost: isInOrder ? mostInOrder : mostMessages)
                // Where this claim finds nothing, the next one would not either.
                if try await claim(for: indices[..<count], of: calls, into: &outcomes) {
                    // Leases run: who has got something doesn't wait for the others.
                    for index in indices[count...] { outcomes[index] = .success(nil) }
                }
            } catch {
                for index in indices { outcomes[index] = .failure(error) }
            }
        }
        return outcomes
    }

    /// A claim for some that want the same lease.
    ///
    /// - Returns: whether it brought anything.
    private static func claim(
        for indices: ArraySlice<Int>, of calls: [Call], into outcomes: inout [Outcome]
    ) async throws -> Bool {
        guard let first = indices.first else { return false }
        let limit = indices.reduce(0) { $0 + calls[$1].limit }
        let look = try await calls[first].broker.look(
            into: calls[first].entry, limit: limit, lease: calls[first].lease)
        var messages = look.messages[...]
        let mayBeMore = HandfulOfBodies.isFull(messages.lazy.map(\.message))
        for index in indices {
            // Who has got nothing of bodies that were too large for all comes again, and finds the rest.
            outcomes[index] = .success(messages.isEmpty && mayBeMore ? nil : Array(messages.prefix(calls[index].limit)))
            messages = messages.dropFirst(calls[index].limit)
        }
        return !look.messages.isEmpty
    }

    /// How many of the first calls share a claim: as many as ask for `most` in all, or one that asks for more by itself.
    static func share(of limits: [Int], atMost most: Int) -> Int {
        var sum = 0
        return limits.enumerated().first { index, limit in
            sum += limit
            return index > 0 && sum > most
        }?.offset ?? limits.count
    }
}
