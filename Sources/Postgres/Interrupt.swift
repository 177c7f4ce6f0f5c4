import Synchronization

/// What can end a call before its answer has come: the caller's cancellation, or the call's deadline.
final class Interrupt: Sendable {
    let deadline: ContinuousClock.Instant?
    private let thread: ConnectionThread
    private let isCancelled = Atomic<Bool>(false)

    init(deadline: ContinuousClock.Instant?, thread: ConnectionThread) {
        self.deadline = deadline
        self.thread = thread
    }

    /// Called from any thread, when the calling task is cancelled.
    func cancel() {
        isCancelled.store(true, ordering: .releasing)
        thread.wakeUp.ring()
    }

    /// Why the call should end now, or nil to go on.
    func reason(at now: ContinuousClock.Instant) -> PostgresError? {
        if isCancelled.load(ordering: .acquiring) {
            return PostgresError(.cancelled, "the calling task was cancelled")
        }
        if let deadline, now >= deadline {
            return PostgresError(.deadlineExceeded, "the deadline of the call passed")
        }
        return nil
    }
}
