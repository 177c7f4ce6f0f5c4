import Synchronization

/// A cancel request that is under way.
///
/// libpq gives such a request no limit: on a line that looks open and carries nothing it may take as long as that lasts, or
/// until the system gives up the connection attempt. Whoever waits for the statement must not wait for that as well.
struct CancelRequest: Sendable {
    private let call: DetachedCall<Void>

    /// Those of the whole process. On a line that takes everything and answers nothing they may stay for as long as it lasts,
    /// with a thread each, and more of them would be of no more use.
    private static let underWay = Atomic<Int>(0)
    private static let most = 32

    /// - Parameter send: returns when the server has taken the request, or can't be reached.
    /// - Returns: nil when too many are under way already.
    init?(_ send: @escaping @Sendable () -> Void) {
        guard Self.underWay.add(1, ordering: .relaxed).newValue <= Self.most else {
            Self.underWay.subtract(1, ordering: .relaxed)
            return nil
        }
        call = DetachedCall {
            send()
            Self.underWay.subtract(1, ordering: .relaxed)
        }
    }

    var isOver: Bool { call.value != nil }

    /// Blocks the thread until the request has ended; false when it has not by then.
    func wait(until deadline: ContinuousClock.Instant) -> Bool { call.wait(until: deadline) != nil }
}
