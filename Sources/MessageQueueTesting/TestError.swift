public import MessageQueue

/// Why a ``TestBroker`` gives up. Every case says what it found.
public enum TestError: Error, Sendable, CustomStringConvertible {
    /// Not done within the real time allowed; `open` names what a step was busy with, and how the queues stand.
    case limitReached(Duration, open: [String])
    /// Queues that can't be emptied: paused, or their messages are in somebody else's hands.
    case notEmptied([String])
    /// Messages that were not simply done.
    case failed([Handled])
    /// A message was asked for, and none is there.
    case nothingToHandle(QueueName)
    /// A message's body is not of the type asked for.
    case unreadable(QueueName, MessageID, error: String)
    /// Asked for the only message of a kind, when there were several or none.
    case notOnlyOne(found: Int, among: [String])

    /// What went wrong, with all that is known about it.
    public var description: String {
        switch self {
        case .limitReached(let limit, let open): "not done within \(limit): \(open.joined(separator: "; "))"
        case .notEmptied(let what): "the queues can't be emptied: \(what.joined(separator: "; "))"
        case .failed(let handled): "not everything was done: \(handled.map(\.description).joined(separator: "; "))"
        case .nothingToHandle(let queue): "nothing is there to be handled in queue \(queue)"
        case .unreadable(let queue, let id, let error):
            "message \(id) in queue \(queue) is not of the type asked for: \(error)"
        case .notOnlyOne(let found, let all): "\(found) match instead of one, among \(all.count): \(all)"
        }
    }
}
