/// How a queue keeps the order of the messages of one key.
///
/// Guarantee: messages of a key are handled one after the other, in the order in which their sends were committed; a message
/// is not begun before the one ahead of it is done or dead. While one is waiting to be tried again, its key is blocked, and
/// messages of other keys go on. Messages without a key are in no order.
///
/// Keys share the queue's lanes, and while a batch of a lane is with a consumer, nothing else of that lane is given out: of *n* lanes
/// any other key's messages are held up with a chance of 1 in *n*, as long as the batch is not finished and its lease has not ended.
///
/// What it costs: a sender waits for another one that is just sending to the same share of the keys, as long as that one's
/// transaction is open, so keep such transactions short; and as many batches are handled at once as the queue has lanes.
/// Transactions that send to several such queues should do it in one order: else two of them can wait for each other, until
/// the server ends one, which may then be repeated (`PostgresError.isRetryable`).
public enum KeyOrder: Sendable, Equatable {
    /// A message that failed for good stays at the head of its key, and nothing behind it is delivered until an operator
    /// retries or skips it: ``Broker/retryBlocked(_:key:)``, ``Broker/skipBlocked(_:key:)``.
    case blockOnFailure
    /// A message that failed for good becomes a dead letter, and its key goes on without it.
    case skipOnFailure

    var code: String {
        switch self {
        case .blockOnFailure: "b"
        case .skipOnFailure: "s"
        }
    }

    init?(code: String?) {
        switch code {
        case "b": self = .blockOnFailure
        case "s": self = .skipOnFailure
        default: return nil
        }
    }
}
