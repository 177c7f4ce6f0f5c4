import Synchronization

/// How much a step takes on at once, in slots: a message each, or a batch each.
final class Capacity: Sendable {
    private struct State {
        var free: Int
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// The most messages that one claim may bring.
    let mostPerClaim: Int
    private let messagesPerSlot: Int
    private let state: Mutex<State>

    /// A claim takes as many slots as there are messages in it.
    init(messages: Int) {
        mostPerClaim = min(messages, Broker.largestClaim)
        messagesPerSlot = 1
        state = Mutex(State(free: messages))
    }

    /// A claim takes one slot, however few messages it brings.
    init(batches: Int, of size: Int) {
        mostPerClaim = min(size, Broker.largestClaim)
        messagesPerSlot = mostPerClaim
        state = Mutex(State(free: batches))
    }

    /// Waits for a free slot, and takes what one claim may fill. For one taker at a time.
    ///
    /// - Returns: how many messages there is room for.
    func reserve() async -> Int {
        while true {
            let slots = state.withLock { state in
                let slots = min(state.free, mostPerClaim / messagesPerSlot)
                state.free -= slots
                return slots
            }
            if slots > 0 { return slots * messagesPerSlot }
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    if state.free > 0 { return true }
                    state.waiter = continuation
                    return false
                }
                if isFree { continuation.resume() }
            }
        }
    }

    /// Frees the slots of a reservation that hold nothing.
    func giveBack(unused messages: Int) { free(messages / messagesPerSlot) }

    /// What was in the slots is settled.
    func free(_ slots: Int = 1) {
        guard slots > 0 else { return }
        let waiter = state.withLock { state in
            state.free += slots
            return state.waiter.take()
        }
        waiter?.resume()
    }
}
