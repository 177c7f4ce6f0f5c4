import Postgres
import Synchronization

/// Where callers wait who receive by hand and find nothing: a line for each queue, with one clerk who looks for all that stand in it.
///
/// So however many wait, the database is asked by one of them for each queue, and rung messages come in by one connection.
final class WaitingRoom: Sendable {
    private struct State {
        var lines: [QueueName: (line: WaitingLine, bell: Bell)] = [:]
        var callers = 0
    }

    private let state = Mutex(State())
    let listener = WaitingListener()

    /// How long a caller whose time has passed waits for the end of the look that is made on its behalf.
    private static let grace = Duration.seconds(1)

    /// Whether somebody waits for messages of this queue: then nothing is there.
    func isWaited(for queue: QueueName) -> Bool { state.withLock { $0.lines[queue]?.line.isEmpty == false } }

    /// How many wait for messages of this queue.
    func count(for queue: QueueName) -> Int { state.withLock { $0.lines[queue]?.line.count ?? 0 } }

    /// How many wait for messages of any queue.
    var count: Int { state.withLock { $0.lines.values.reduce(0) { $0 + $1.line.count } } }

    /// Waits for messages, for so long at the most.
    ///
    /// - Throws: `CancellationError`, or what kept the last look from an answer.
    func wait(
        for queue: QueueName, _ wish: WaitingLine.Wish, atMost limit: Duration, with broker: Broker
    ) async throws -> [ReceivedMessage] {
        let caller = state.withLock { state in
            state.callers += 1
            return state.callers
        }
        async let _: Void = expire(caller, of: queue, after: limit)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                join(caller, queue, wish, with: broker) { continuation.resume(with: $0) }
                // The cancellation may have come before there was anybody to leave.
                if Task.isCancelled { leave(caller, of: queue, with: .failure(CancellationError())) }
            }
        } onCancel: {
            leave(caller, of: queue, with: .failure(CancellationError()))
        }
    }

    private func join(
        _ caller: Int, _ queue: QueueName, _ wish: WaitingLine.Wish, with broker: Broker,
        _ answer: @escaping WaitingLine.Answer
    ) {
        let bell = state.withLock { state -> Bell? in
            let isNew = state.lines[queue] == nil
            state.lines[queue, default: (WaitingLine(), Bell())].line.join(caller, wish, answer)
            return isNew ? state.lines[queue]?.bell : nil
        }
        guard let bell else { return }
        // Awaited by nobody: it ends once nobody stands in the line. Detached, since it looks for others too.
        Task.detached { [self] in await WaitingClerk(of: queue, in: self, with: broker, bell: bell).run() }
    }

    private func expire(_ caller: Int, of queue: QueueName, after limit: Duration) async {
        guard (try? await Task.sleep(for: limit)) != nil else { return }
        let over = change(queue) { $0.expire(caller) } ?? nil
        if let over { return over.answer(over.outcome) }
        guard (try? await Task.sleep(for: Self.grace)) != nil else { return }
        leave(caller, of: queue, with: .success([]))
    }

    private func leave(_ caller: Int, of queue: QueueName, with outcome: Result<[ReceivedMessage], any Error>) {
        let answer = change(queue) { $0.leave(caller) } ?? nil
        answer?(outcome)
    }

    /// The clerk is told at once when the line has become empty.
    private func change<T>(_ queue: QueueName, _ body: (inout WaitingLine) -> T) -> T? {
        let (value, bell) = state.withLock { state -> (T?, Bell?) in
            guard let bell = state.lines[queue]?.bell else { return (nil, nil) }
            let value = body(&state.lines[queue, default: (WaitingLine(), bell)].line)
            return (value, state.lines[queue]?.line.isEmpty == true ? bell : nil)
        }
        bell?.ring()
        return value
    }

    // MARK: What the clerk does

    /// Nil when nobody waits any more: the line is gone, and so is its clerk.
    func serveNext(of queue: QueueName) -> (caller: Int, wish: WaitingLine.Wish)? {
        state.withLock { state in
            let next = state.lines[queue]?.line.serveNext()
            if next == nil { state.lines[queue] = nil }
            return next
        }
    }

    /// - Returns: whether there are messages that nobody waits for any more.
    func finish(_ caller: Int, of queue: QueueName, with outcome: Result<[ReceivedMessage], any Error>) -> Bool {
        guard let end = change(queue, { $0.finish(caller, with: outcome) }) else { return false }
        end.answer?(outcome)
        return end.areUnclaimed
    }

    /// Nobody in this line can be served.
    func sendAway(from queue: QueueName, because error: any Error) {
        for answer in change(queue, { $0.leaveAll() }) ?? [] { answer(.failure(error)) }
    }
}
