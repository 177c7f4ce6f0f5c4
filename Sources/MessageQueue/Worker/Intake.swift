import Postgres
import Synchronization

/// Where a running step's messages come from, and what it does when there are none.
package protocol Intake: Sendable {
    /// Claims the next messages of the runtime's queue, at most `limit`, from lane `start` on.
    func claim(_ limit: Int, start: Int, runtime: StepRuntime) async throws -> [ReceivedMessage]
    func lookForMore(runtime: StepRuntime) async throws -> Prospect
    /// What jitter is made of: a number between -1 and 1.
    var draw: Double { get }
}

package enum Prospect: Sendable {
    case lookAgain
    /// Nothing is there. What becomes due next, becomes due after this time; nil when nothing is deferred.
    case wait(Duration?)
    /// The step has come to its end.
    case over
}

/// A worker's steps take what comes for as long as it lives.
extension Consumer: Intake {
    var draw: Double { Double.random(in: -1...1) }

    func claim(_ limit: Int, start: Int, runtime: StepRuntime) async throws -> [ReceivedMessage] {
        let presence = try await presence()
        let settled = runtime.settled.withLock { $0 }
        do {
            return try await presence.connection.perform(isTransaction: false, within: .seconds(30)) { session in
                try runtime.broker.receive(
                    runtime.entry.id, named: runtime.queue, by: presence.id, limit: limit, start: start, lease: nil,
                    settled: settled, in: session)
            }
        } catch {
            // A claim that the server refused is no claim; any other may have been made.
            if (error as? PostgresError)?.kind != .server { await beginAnew(after: presence) }
            throw error
        }
    }

    func lookForMore(runtime: StepRuntime) async throws -> Prospect {
        let connection = try await presence().connection
        let promotion = try await runtime.broker.promote(runtime.entry.id, on: connection)
        return promotion.moved > 0 ? .lookAgain : .wait(promotion.nextDue)
    }
}
