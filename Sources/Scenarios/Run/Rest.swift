import MessageQueue
import Postgres

/// Waits for the end of all work.
struct Rest: Sendable {
    let database: Database

    /// Gives up when nothing has moved for so long; longer than any back-off of the shop's queues.
    private static let patience = Duration.seconds(40)

    /// Waits until no message is on its way.
    ///
    /// - Returns: what is left when nothing moves any more; empty when all is done.
    func wait() async throws -> [String] {
        var before: [Int] = []
        var lastMove = ContinuousClock.now
        while true {
            // A server that is away is one on which nothing moves.
            let queues = (try? await Broker(database).statistics()) ?? []
            let busy = queues.filter { !Sample.Queue($0).isIdle }
            if !queues.isEmpty, busy.isEmpty { return [] }
            let now = queues.flatMap { [$0.claimed, $0.dead] }
            if now != before { lastMove = .now }
            before = now
            if ContinuousClock.now - lastMove > Self.patience {
                let left = busy.map {
                    "\($0.queue): \($0.depth) waiting, \($0.inFlight) in flight, "
                        + "\($0.scheduled + $0.retrying + $0.held) put off"
                }
                return left.isEmpty ? ["the database does not answer"] : left
            }
            // The queues are empty when they are: there is no event to await.
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
