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

    private typealias Outcome = Result<[ReceivedMessage], any Error>

    /// By queue.
    private let groups = Mutex<[Int32: GroupCommit<Call, Outcome>]>([:])

    private static let mostTogether = 256
    /// Claims from the same queue that are under way at once. A second one finds most lanes taken.
    private static let lines = 1

    /// Takes messages once it is this call's turn. A task that is cancelled gets them all the same.
    func receive(
        from entry: Catalogue.Entry, limit: Int, lease: Duration, with broker: Broker
    ) async throws -> [ReceivedMessage] {
        let call = Call(broker: broker, entry: entry, limit: min(limit, Broker.largestClaim), lease: lease)
        return try await group(of: entry.id).submit(call).get()
    }

    private func group(of queue: Int32) -> GroupCommit<Call, Outcome> {
        groups.withLock { groups in
            let group = groups[queue] ?? GroupCommit(limit: Self.mostTogether, lines: Self.lines, commit: Self.take)
            groups[queue] = group
            return group
        }
    }

    /// A claim for all that want the same lease.
    private static func take(_ calls: [Call]) async -> [Outcome] {
        var outcomes = calls.map { _ in Outcome.success([]) }
        for (lease, indices) in Dictionary(grouping: calls.indices, by: { calls[$0].lease }) {
            do {
                let limit = indices.reduce(0) { $0 + calls[$1].limit }
                let call = calls[indices[0]]
                var messages = try await call.broker.look(
                    into: call.entry, limit: limit, lease: lease, forNext: false
                ).messages[...]
                for index in indices {
                    outcomes[index] = .success(Array(messages.prefix(calls[index].limit)))
                    messages = messages.dropFirst(calls[index].limit)
                }
            } catch {
                for index in indices { outcomes[index] = .failure(error) }
            }
        }
        return outcomes
    }
}
