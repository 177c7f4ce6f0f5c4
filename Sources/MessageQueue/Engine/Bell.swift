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
final class Bells<Place: Hashable & Sendable>: Sendable {
    private let attached = Mutex<[Place: [ObjectIdentifier: Bell]]>([:])

    func attach(_ bell: Bell, to place: Place) {
        attached.withLock { $0[place, default: [:]][ObjectIdentifier(bell)] = bell }
    }

    func detach(_ bell: Bell, from place: Place) {
        attached.withLock { attached in
            attached[place]?[ObjectIdentifier(bell)] = nil
            if attached[place]?.isEmpty == true { attached[place] = nil }
        }
    }

    func ring(_ place: Place) {
        for bell in attached.withLock({ Array($0[place, default: [:]].values) }) { bell.ring() }
    }

    func ringAll() {
        for bell in attached.withLock({ $0.values.flatMap { Array($0.values) } }) { bell.ring() }
    }
}
