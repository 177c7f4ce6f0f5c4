import Synchronization

/// Something one task waits on until it is rung, or a time has passed. A ring while nobody waits is kept.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?
        /// How many waits have begun, and which was told to end last.
        var waits = 0
        var ended = 0
    }

    private let state = Mutex(State())

    func ring() {
        let waiter = state.withLock { state in
            state.isRung = state.waiter == nil
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Returns when rung, when the time has passed, or when the task is cancelled.
    func wait(atMost limit: Duration) async {
        let wait = state.withLock { state in
            state.waits += 1
            return state.waits
        }
        // Awaited by nobody, since that would hold up whoever is rung: it ends with this wait, and ends no other one.
        let timer = Task {
            try await Task.sleep(for: limit)
            end(wait)
        }
        defer { timer.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRung = state.withLock { state in
                    // Its time may have passed before it waited.
                    if state.isRung || Task.isCancelled || state.ended == wait {
                        state.isRung = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isRung { continuation.resume() }
            }
        } onCancel: {
            end(wait)
        }
    }

    private func end(_ wait: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waits == wait else { return nil }
            state.ended = wait
            return state.waiter.take()
        }
        waiter?.resume()
    }
}

/// Who in this process is to be rung, by what for.
final class Bells<Subject: Hashable & Sendable>: Sendable {
    private let attached = Mutex<[Subject: [ObjectIdentifier: Bell]]>([:])

    func attach(_ bell: Bell, to subject: Subject) {
        attached.withLock { $0[subject, default: [:]][ObjectIdentifier(bell)] = bell }
    }

    func detach(_ bell: Bell, from subject: Subject) {
        attached.withLock { attached in
            attached[subject]?[ObjectIdentifier(bell)] = nil
            if attached[subject]?.isEmpty == true { attached[subject] = nil }
        }
    }

    func ring(_ subject: Subject) {
        for bell in attached.withLock({ Array($0[subject, default: [:]].values) }) { bell.ring() }
    }

    func ringAll() {
        for bell in attached.withLock({ $0.values.flatMap { Array($0.values) } }) { bell.ring() }
    }
}
