import MessageQueue
import Postgres
import Synchronization

/// Takes messages for one run of a step: so many, or what is there. Nothing is waited for, and nothing becomes due meanwhile.
final class TestIntake: Intake {
    private struct State {
        var room: Int
        var taken: [ReceivedMessage] = []
        var isDry = false
    }

    private let state: Mutex<State>

    /// What is taken by hand belongs to no consumer.
    private static let nobody: Int64 = 0
    /// Longer than any test runs: a lease must not end beneath a debugger.
    private static let lease = Duration.seconds(24 * 3600)

    init(atMost room: Int) { state = Mutex(State(room: room)) }

    var taken: [ReceivedMessage] { state.withLock { $0.taken } }

    func host<T>(_ body: () async throws -> T) async throws -> T { try await body() }

    /// Nothing is waited for.
    var isDeaf: Bool { false }

    /// Back-offs are exactly what the policy says.
    var draw: Double { 0 }

    func claim(_ limit: Int, runtime: StepRuntime) async throws -> Broker.Catch {
        let limit = min(limit, state.withLock { $0.room })
        let caught = limit == 0 ? Broker.Catch() : try await receive(limit, runtime)
        state.withLock { state in
            state.room -= caught.messages.count
            state.taken += caught.messages
            state.isDry = caught.messages.isEmpty && !caught.isIncomplete
        }
        return caught
    }

    private func receive(_ limit: Int, _ runtime: StepRuntime) async throws -> Broker.Catch {
        let claimer = Broker.Claimer(consumer: Self.nobody, lease: Self.lease, memory: runtime.memory)
        // A block, for queues with limits.
        return try await runtime.broker.database.write { session in
            try runtime.broker.receive(runtime.current, by: claimer, limit: limit, in: session)
        }
    }

    func lookForMore(runtime: StepRuntime) async throws -> Prospect {
        state.withLock { $0.isDry } ? .over : .lookAgain
    }
}
