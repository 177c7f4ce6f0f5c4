import Synchronization

/// Holds a value that comes and goes; whoever needs it waits until it is there.
final class Gate<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiters: [Int: CheckedContinuation<Value, any Error>] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    var current: Value? { state.withLock { $0.value } }

    func open(_ value: Value) {
        let waiters = state.withLock { state in
            state.value = value
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(returning: value) }
    }

    func close() { state.withLock { $0.value = nil } }

    /// Takes away a value that turned out to be useless, but not the one that has replaced it meanwhile.
    func close(if isUseless: (Value) -> Bool) {
        state.withLock { state in
            if let value = state.value, isUseless(value) { state.value = nil }
        }
    }

    /// Whoever waits now goes on without a value, as if cancelled.
    func sendAway() {
        let waiters = state.withLock { state in
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(throwing: CancellationError()) }
    }

    /// - Throws: `CancellationError` only.
    func wait() async throws -> Value {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<Value, any Error>? = state.withLock { state in
                    if let value = state.value { return .success(value) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[id] = continuation
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
    }
}
