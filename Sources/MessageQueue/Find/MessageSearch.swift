public import Foundation

/// Which deliveries ``Broker/find(_:from:limit:)`` is to look for; everything given has to hold.
///
/// By id and by key messages are found with ``Broker/trace(_:limit:)``, over all queues.
public struct MessageSearch: Sendable, Equatable {
    /// Where to look.
    public enum Place: Sendable, Equatable {
        /// In this queue.
        case queue(QueueName)
        /// Among what was published to this topic, in the queues that hear it now.
        case topic(TopicName)
    }

    /// Where to look.
    public var place: Place
    /// Appended then or later, by the database's clock.
    public var since: Date?
    /// Appended before.
    public var until: Date?
    /// Sent with this tag.
    public var tag: String?
    /// With what became of the attempt; one of ``outcomes``.
    public var outcome: TraceEntry.Outcome?
    /// With an error whose text has this in it, whatever its case.
    public var error: String?

    /// Whether only what somebody has taken is meant: in a backlog the newest attempts tell nothing of how deliveries go.
    public var isClaimed: Bool

    /// Looks for everything in a place, unless more is said.
    public init(
        _ place: Place, since: Date? = nil, until: Date? = nil, tag: String? = nil,
        outcome: TraceEntry.Outcome? = nil, error: String? = nil, isClaimed: Bool = false
    ) {
        self.place = place
        self.since = since
        self.until = until
        self.tag = tag
        self.outcome = outcome
        self.error = error
        self.isClaimed = isClaimed
    }

    /// What becomes of an attempt in the log. What stands outside of it, such as a dead letter, has lists of its own.
    public static let outcomes: [TraceEntry.Outcome] = [
        .waiting, .inFlight, .done, .retried, .expired, .dead, .released, .held, .outdated, .purged,
    ]

    /// Whether it can be that a place in the log isn't meant.
    var isNarrow: Bool {
        if case .topic = place { return true }
        return tag != nil || outcome != nil || error != nil || since != nil || until != nil
    }

    /// - Throws: ``QueueError/invalidArgument(_:)``.
    func check() throws {
        if let outcome, !Self.outcomes.contains(outcome) {
            throw QueueError.invalidArgument("\"\(outcome)\" is no outcome of an attempt in the log")
        }
    }
}
