/// The lines under way and those who wait for them. Decides, and leaves acting to the journal.
struct JournalState<Line> {
    typealias Continuation = CheckedContinuation<Result<Void, LedgerError>, Never>
    typealias Waiter = (position: Int, continuation: Continuation)

    private var pending: [Line] = []
    private var appended = 0
    private var written = 0
    private var isWriting = false
    private var failure: LedgerError?
    private var waiters: [Waiter] = []

    enum Action {
        case answer(Result<Void, LedgerError>)
        case startWriting
        case wait
    }

    /// The position of the line.
    mutating func append(_ line: Line) -> Int {
        pending.append(line)
        appended += 1
        return appended
    }

    mutating func await(_ position: Int, _ continuation: Continuation) -> Action {
        if position <= written { return .answer(.success(())) }
        if let failure { return .answer(.failure(failure)) }
        waiters.append((position, continuation))
        defer { isWriting = true }
        return isWriting ? .wait : .startWriting
    }

    /// The lines to write next, or nil when the writer can go home.
    mutating func nextGroup() -> [Line]? {
        guard !pending.isEmpty, failure == nil else {
            isWriting = false
            return nil
        }
        defer { pending = [] }
        return pending
    }

    /// The waiters that have their answer now: those of the group, and all of them after a failure.
    mutating func finish(_ count: Int, _ result: Result<Void, LedgerError>) -> [Waiter] {
        if case .failure(let error) = result {
            failure = error
            defer { waiters = [] }
            return waiters
        }
        written += count
        let split = waiters.partition { $0.position <= written }
        defer { waiters.removeSubrange(split...) }
        return Array(waiters[split...])
    }
}
