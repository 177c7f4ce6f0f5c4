import Postgres

/// Settles together what becomes ready at the same time. What fails in it waits by itself, and holds nobody up.
struct GroupSettler<Work: Traced>: Sendable {
    private let settler: Settler<Work>
    private let group: GroupCommit<Judged<Work>, Settled>

    /// Whether the key is blocked, and what is left to be settled.
    private typealias Settled = (isBlocked: Bool, left: Judged<Work>?)

    init(_ settler: Settler<Work>, limit: Int) {
        self.settler = settler
        group = GroupCommit(
            limit: limit, lines: 1, linger: Linger(factor: 4, longest: .milliseconds(50)),
            onLinger: { settler.runtime.noteLinger() }
        ) { batch in
            let settlement = await settler.settleTogether(batch)
            let left = Dictionary(uniqueKeysWithValues: settlement.left.map { ($0.message.receipt, $0) })
            return batch.map { judged in
                let isBlocked = judged.message.message.key.map { settlement.blocked[$0] != nil } ?? false
                return (isBlocked, left[judged.message.receipt])
            }
        }
    }

    /// - Returns: in a queue that keeps order, whether later messages of its key have to wait.
    func settle(_ judged: Judged<Work>) async -> Bool {
        do {
            let settled = try await group.submit(judged)
            if let left = settled.left { await uncancelled { await settler.settleWaiting([left]) } }
            return settled.isBlocked
        } catch {
            settler.runtime.journal.record(.commitDelayed(settler.runtime.queue, error: "\(error)"))
            return false
        }
    }
}
