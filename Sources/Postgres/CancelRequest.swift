import Dispatch
import Foundation
import Synchronization

/// A cancel request that is under way, on a thread of its own.
///
/// libpq gives such a request no limit: on a line that looks open and carries nothing it may take as long as that lasts, or
/// until the system gives up the connection attempt. Whoever waits for the statement must not wait for that as well.
final class CancelRequest: Sendable {
    private let hasEnded = Atomic<Bool>(false)
    private let end = DispatchSemaphore(value: 0)

    /// - Parameter send: returns when the server has taken the request, or can't be reached.
    init(_ send: @escaping @Sendable () -> Void) {
        Thread.detachNewThread { [self] in
            send()
            hasEnded.store(true, ordering: .releasing)
            end.signal()
        }
    }

    var isOver: Bool { hasEnded.load(ordering: .acquiring) }

    /// Blocks the thread until the request has ended; false when it has not by then.
    func wait(until deadline: ContinuousClock.Instant) -> Bool {
        if isOver { return true }
        let milliseconds = Int(max(0, ContinuousClock.now.duration(to: deadline).wholeMilliseconds))
        return end.wait(timeout: .now() + .milliseconds(milliseconds)) == .success
    }
}
