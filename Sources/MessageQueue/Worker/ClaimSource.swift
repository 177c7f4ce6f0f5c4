import Postgres

/// Where a running step's messages come from, and what it does when there are none.
package protocol ClaimSource: Sendable {
    /// Claims the next messages of a queue, at most `limit`.
    func claim(_ limit: Int, of queue: Catalogue.Entry, remembering memory: ClaimMemory) async throws -> Broker.Claim
    /// Puts into the queue's log what has become due.
    func lookForDue(in queue: Catalogue.Entry) async throws -> Prospect
    /// Runs `body` where claims are made, so that whoever waits there changes no threads to claim.
    func host<T>(_ body: () async throws -> T) async throws -> T
    /// Whether rings don't come in, so that it has to look by itself.
    var isDeaf: Bool { get }
    /// What jitter is made of: a number between -1 and 1.
    var draw: Double { get }
}

package enum Prospect: Sendable {
    case lookAgain
    /// Nothing is there. What becomes due next, becomes due after this time; nil when nothing is scheduled.
    case wait(Duration?)
    /// The step has come to its end.
    case over
}

extension PostgresError {
    /// A claim that the server refused or stopped is no claim; any other may have been made.
    fileprivate var isRefusal: Bool { [.server, .deadlineExceeded, .cancelled].contains(kind) }
}

/// A worker's steps take what comes for as long as it lives.
extension Consumer: ClaimSource {
    /// The connection leads to another schema than the one that this consumer is known to.
    private struct ElsewhereNow: Error {}

    var draw: Double { Double.random(in: -1...1) }
    var isDeaf: Bool { isPooled }

    func host<T>(_ body: () async throws -> T) async throws -> T { try await presence().connection.host(body) }

    func claim(_ limit: Int, of queue: Catalogue.Entry, remembering memory: ClaimMemory) async throws -> Broker.Claim {
        let presence = try await presence()
        let claimer = Broker.Claimer(consumer: presence.id, lease: nil, memory: memory)
        do {
            return try await presence.connection.perform(isTransaction: queue.isLimited, within: nil) { session in
                guard try broker.catalogue.origin(of: session) == presence.origin else { throw ElsewhereNow() }
                return try broker.receive(queue, by: claimer, limit: limit, in: session)
            }
        } catch {
            if !((error as? PostgresError)?.isRefusal ?? false) { await beginAnew(after: presence) }
            throw error
        }
    }

    func lookForDue(in queue: Catalogue.Entry) async throws -> Prospect {
        let connection = try await presence().connection
        let promotion = try await broker.promote(queue, on: connection)
        return promotion.moved > 0 ? .lookAgain : .wait(promotion.nextDue)
    }
}
