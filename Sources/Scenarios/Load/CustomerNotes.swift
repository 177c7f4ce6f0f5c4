import ShoeShop
import Synchronization

/// What the customers saw, noted as they see it.
final class CustomerNotes: Sendable {
    struct State {
        var calls: [CustomerCall] = []
        /// Accepted orders, and when each was due.
        var accepted: [OrderID: Double] = [:]
        var failed = 0
        /// Cancellations that the shop said yes to.
        var cancelled: Set<OrderID> = []
        /// What the shop must never do.
        var violations: [String] = []
    }

    private let state = Mutex(State())

    var now: State { state.withLock { $0 } }
    var counts: (accepted: Int, failed: Int) { state.withLock { ($0.accepted.count, $0.failed) } }

    func note(_ call: CustomerCall, accepted order: OrderID?) {
        state.withLock { state in
            state.calls.append(call)
            if call.end == .failed { state.failed += 1 }
            if let order { state.accepted[order] = call.due }
        }
    }

    func noteCancelled(_ order: OrderID) { state.withLock { _ = $0.cancelled.insert(order) } }

    func noteViolation(_ what: String) { state.withLock { $0.violations.append(what) } }
}
