import MessageQueue
import Postgres
import Synchronization

/// Claims for one run of a step: so many messages, or what is there. Nothing is waited for, and nothing becomes due meanwhile.
final class TestClaims: ClaimSource {
    private struct State {
        var room: Int
        var taken: [ReceivedMessage] = []
        var isDry = false
    }

    private let broker: Broker
    private let state: Mutex<State>

    /// What is taken by hand belongs to no consumer.
    private static let nobody: Int64 = 0
    /// Longer than any test runs: a lease must not end beneath a debugger.
    private static let lease = Duration.seconds(24 * 3600)

    init(from broker: Broker, atMost room: Int) {
        self.broker = broker
        state = Mutex(State(room: room))
    }

    var taken: [ReceivedMessage] { state.withLock { $0.taken } }

    func host<T>(_ body: () async throws -> T) async throws -> T { try await body() }

    /// No ring is waited for.
    var isDeaf: Bool { true }

    /// Back-offs are exactly what the policy says.
    var draw: Double { 0 }

    func claim(_ limit: Int, of queue: Catalogue.Entry, remembering memory: ClaimMemory) async throws -> Broker.Claim {
        let limit = min(limit, state.withLock { $0.room })
        let claim = limit == 0 ? Broker.Claim() : try await receive(limit, of: queue, memory)
        state.withLock { state in
            state.room -= claim.messages.count
            state.taken += claim.messages
            state.isDry = claim.foundNothing
        }
        return claim
    }

    private func receive(_ limit: Int, of queue: Catalogue.Entry, _ memory: ClaimMemory) async throws -> Broker.Claim {
        let claimer = Broker.Claimer(consumer: Self.nobody, lease: Self.lease, memory: memory)
        // A block, for queues with limits.
        return try await broker.database.write { session in
            try broker.receive(queue, by: claimer, limit: limit, in: session)
        }
    }

    func lookForDue(in queue: Catalogue.Entry) async throws -> Prospect {
        state.withLock { $0.isDry } ? .over : .lookAgain
    }
}
