import Postgres
import Synchronization
import Testing

/// Many customers at once, each order with a key of its own.
struct Load: Sendable {
    let api: API
    let name: String

    func key(_ number: Int) -> String { "\(name)-\(number)" }

    /// Submits orders over so many connections. An order that got no answer is missing from the result.
    ///
    /// - Parameter onAnswer: is told after each answer how many there were.
    func submit(
        _ count: Int, connections: Int, onAnswer: @escaping @Sendable (Int) async throws -> Void = { _ in }
    ) async throws -> [Int: Answer] {
        let progress = Progress()
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<connections {
                group.addTask {
                    while let number = progress.state.withLock({ $0.next(below: count) }) {
                        guard let answer = try? await api.order(key: key(number)) else { continue }
                        try await onAnswer(progress.state.withLock { $0.note(answer, to: number) })
                    }
                }
            }
        }
        return progress.state.withLock { $0.answers }
    }

    /// Shared by the connections.
    private final class Progress: Sendable {
        let state = Mutex(State())
    }

    private struct State {
        var answers: [Int: Answer] = [:]
        private var taken = 0

        mutating func next(below count: Int) -> Int? {
            taken += 1
            return taken <= count ? taken - 1 : nil
        }

        mutating func note(_ answer: Answer, to number: Int) -> Int {
            answers[number] = answer
            return answers.count
        }
    }

    /// What was answered with 202 is there, each under an id of its own, and nothing is there by half.
    func expectStored(_ answers: [Int: Answer]) async throws {
        let accepted = try answers.values.filter { $0.status == 202 }.map { try $0.orderID() }
        #expect(Set(accepted).count == accepted.count)
        let stored = try await api.database.query("SELECT id::text FROM orders.orders") { try $0[0, as: String.self] }
        #expect(Set(accepted).isSubset(of: stored))
        #expect(try await api.database.torn() == 0)
    }
}
