public import MessageQueue
import Postgres

/// One attempt of a message, and what became of it.
public struct Handled: Sendable, CustomStringConvertible {
    /// What may become of an attempt.
    public enum Outcome: Sendable, Hashable {
        /// Its effects are committed, and it does not come again.
        case done
        /// Failed; comes again after this time, with the attempt counted.
        case retried(after: Duration)
        /// Failed for good; kept as a dead letter with this reason.
        case deadLettered(reason: String)
        /// In a queue that keeps order: failed for good and blocks its key, or stood behind one that failed.
        case held
        /// Given back; comes again after this time, without counting the attempt.
        case released(after: Duration)
        /// Somebody else had taken the message over. Whatever the step did was rolled back.
        case leaseLost
        /// Neither finished nor given back: the step was cut off.
        case open
    }

    /// The queue that it was taken from.
    public let queue: QueueName
    /// The message's id, the same over all attempts.
    public let id: MessageID
    /// The message's key, as it was sent.
    public let key: String?
    /// 1 for the first delivery.
    public let attempt: Int
    /// What became of it.
    public let outcome: Outcome
    /// What the step threw, as text.
    public let error: String?

    /// Whether ``outcome`` is ``Outcome/done``.
    public var isDone: Bool { outcome == .done }

    /// Message, queue, attempt and outcome in one line, with what the step threw.
    public var description: String {
        let name = key.map { "\(id) (\($0))" } ?? "\(id)"
        return "\(name) in \(queue), attempt \(attempt): \(outcome)" + (error.map { ", \($0)" } ?? "")
    }
}

extension TestBroker {
    /// Reads what became of these attempts. The primary key of the completions carries it, the id index the rest.
    func outcomes(of messages: [ReceivedMessage]) async throws -> [Handled] {
        let places = messages.map(\.receipt)
        let found = try await database.query(
            Self.outcomes, places.map(\.queue), places.map(\.lane), places.map(\.seq), messages.map(\.message.id.uuid)
        ) { row in
            Finish(
                index: try row[0], outcome: try row[1], error: try row[2], reason: try row[3], delay: try row[4])
        }
        return found.map { finish in
            let message = messages[finish.index - 1]
            return Handled(
                queue: message.queue, id: message.message.id, key: message.message.key, attempt: message.attempt,
                outcome: finish.handled, error: finish.error)
        }
    }

    private struct Finish: Sendable {
        let index: Int
        let outcome: String?
        let error: String?
        let reason: String?
        let delay: Int?

        var handled: Handled.Outcome {
            let after = Duration.microseconds(delay ?? 0)
            return switch outcome {
            case "d": .done
            case "r": .retried(after: after)
            case "b": .released(after: after)
            case "f": .deadLettered(reason: reason ?? "")
            case "h": .held
            case "x": .leaseLost
            default: .open
            }
        }
    }

    private static let outcomes: Statement = """
        SELECT p.n, d.outcome::text, d.error,
            (SELECT l.reason FROM mq.dead_letters l WHERE l.id = p.id AND l.queue = p.queue ORDER BY l.ticket DESC LIMIT 1),
            (SELECT extract(epoch FROM coalesce((
                SELECT f.due_at FROM mq.scheduled f WHERE f.id = p.id AND f.queue = p.queue ORDER BY f.ticket DESC LIMIT 1), (
                SELECT b.retry_at FROM mq.held h JOIN mq.blocked_keys b ON b.queue = h.queue AND b.key = h.key
                WHERE h.id = p.id AND h.queue = p.queue AND b.retry_at < 'infinity' LIMIT 1)) - d.finished_at) * 1000000)::bigint
        FROM unnest($1::int[], $2::smallint[], $3::bigint[], $4::uuid[]) WITH ORDINALITY AS p(queue, lane, seq, id, n)
        LEFT JOIN mq.completions d ON (d.queue, d.lane, d.seq) = (p.queue, p.lane, p.seq)
        ORDER BY p.n
        """
}
