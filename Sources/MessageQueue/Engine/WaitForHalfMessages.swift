import Durations
import Postgres

extension Broker {
    /// As ``halfMessages(of:in:limit:lasting:)``, but when nobody is to be asked about anything, waits for it: a long poll.
    ///
    /// Guarantee: returns as soon as the time of a message has passed, and with nothing once that of the call has. What is prepared
    /// meanwhile is noticed within ten seconds, so one that is to be asked about sooner may come so much later.
    /// - Parameters:
    ///   - group: that the messages were prepared by.
    ///   - topic: that they are to be published to.
    ///   - limit: the most that are told, 1 or more. It is not waited for so many.
    ///   - lasting: how long the receipts are good; from a second to a day.
    ///   - waiting: how long, up to ``MessageLimits/delay``; zero or less is not at all.
    /// - Throws: as that, and `CancellationError` when the task was cancelled.
    public func halfMessages(
        of group: String, in topic: TopicName, limit: Int = 1, lasting: Duration = .seconds(10), waiting: Duration
    ) async throws -> [HalfMessage] {
        try MessageLimits.check(.waiting, waiting)
        let end = ContinuousClock.now + waiting.withinLimits
        return try await tellingCancellation {
            while true {
                try Task.checkCancellation()
                let found = try await halfMessages(of: group, in: topic, limit: limit, lasting: lasting)
                let rest = ContinuousClock.now.duration(to: end)
                guard found.isEmpty, rest > .zero else { return found }
                let next = try await nextCheck(of: group, in: topic) ?? Self.longestRestOfHalves
                try await Task.sleep(for: min(rest, max(next, Self.shortestRestOfHalves), Self.longestRestOfHalves))
            }
        }
    }

    /// Until the next message is to be asked about; nil when there is none.
    private func nextCheck(of group: String, in topic: TopicName) async throws -> Duration? {
        let rests = try await database.query(Self.nextCheck, topic.text, group) { try $0[0, as: Double.self] }
        return rests.first.map { .seconds($0) }
    }

    private static let longestRestOfHalves = Duration.seconds(10)
    /// One that is due may be somebody else's for a moment.
    private static let shortestRestOfHalves = Duration.milliseconds(100)

    /// By the index (topic, producers, check_at).
    static let nextCheck: Statement = """
        SELECT extract(epoch FROM h.check_at - now())::float8 FROM mq.half_messages h JOIN mq.topics t ON t.id = h.topic
        WHERE t.name = $1 AND h.producers = $2 AND h.prepared_at > now() - interval '1 day' ORDER BY h.check_at LIMIT 1
        """
}
