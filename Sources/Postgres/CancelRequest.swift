/// A cancel request that is under way.
///
/// libpq gives such a request no limit: on a line that looks open and carries nothing it may take as long as that lasts, or
/// until the system gives up the connection attempt. Whoever waits for the statement must not wait for that as well.
struct CancelRequest: Sendable {
    private let call: DetachedCall<Void>

    /// - Parameter send: returns when the server has taken the request, or can't be reached.
    init(_ send: @escaping @Sendable () -> Void) { call = DetachedCall(send) }

    var isOver: Bool { call.value != nil }

    /// Blocks the thread until the request has ended; false when it has not by then.
    func wait(until deadline: ContinuousClock.Instant) -> Bool { call.wait(until: deadline) != nil }
}
