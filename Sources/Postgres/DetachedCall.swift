import Dispatch
import Durations
import Foundation
import Synchronization

/// A call into C that blocks for as long as it likes, on a thread of its own, for somebody who can't wait that long.
final class DetachedCall<Answer: Sendable>: Sendable {
    private let answer = Mutex<Answer?>(nil)
    private let end = DispatchSemaphore(value: 0)

    init(_ call: @escaping @Sendable () -> Answer) {
        Thread.detachNewThread { [self] in
            let value = call()
            answer.withLock { $0 = value }
            end.signal()
        }
    }

    /// Nil until it has ended.
    var value: Answer? { answer.withLock { $0 } }

    /// Blocks the thread until the call has ended; nil when it has not by then.
    func wait(until deadline: ContinuousClock.Instant) -> Answer? {
        if let value { return value }
        let milliseconds = ContinuousClock.now.duration(to: deadline).bounded.wholeMilliseconds
        _ = end.wait(timeout: .now() + .milliseconds(milliseconds))
        return value
    }
}
