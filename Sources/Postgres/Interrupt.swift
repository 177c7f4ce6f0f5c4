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

    enum Reason {
        case cancelled, deadlineExceeded

        func error(in statement: String? = nil) -> PostgresError {
            var error =
                switch self {
                case .cancelled: PostgresError(.cancelled, "the calling task was cancelled")
                case .deadlineExceeded: PostgresError(.deadlineExceeded, "the deadline of the call passed")
                }
            error.statement = statement
            return error
        }
    }

    /// Why the call should end now, or nil to go on.
    var reason: Reason? {
        if isCancelled.load(ordering: .acquiring) { return .cancelled }
        if let deadline, .now >= deadline { return .deadlineExceeded }
        return nil
    }
}
