import Durations
import Logging
import Postgres

extension Broker {
    /// As ``halfMessages(of:in:limit:lasting:)``, but when nobody is to be asked about anything, waits for it: a long poll.
    ///
    /// Guarantee: returns as soon as the time of a message has passed, and with nothing once that of the call has. What is prepared
    /// meanwhile by other processes is noticed within ten seconds, so one that is to be asked about sooner may come so much later. Callers
    /// of one process who wait for the same group and topic are served in the order of their coming, and ten thousand of them cost the
    /// database no more than one does. The call outlasts a restart of the server.
    ///
    /// When the calling task is cancelled, nobody was asked: what was just found for it is there for the next one.
    /// - Parameters:
    ///   - group: that the messages were prepared by.
    ///   - topic: that they are to be published to.
    ///   - limit: the most that are told, 1 or more. It is not waited for so many.
    ///   - lasting: how long the receipts are good; from a second to a day.
    ///   - waiting: how long, up to ``MessageLimits/delay``; zero or less is not at all.
    /// - Throws: as that, `CancellationError` when the task was cancelled, or `PostgresError` when the database could not be asked when
    ///   the time had passed.
    public func halfMessages(
        of group: String, in topic: TopicName, limit: Int = 1, lasting: Duration = .seconds(10), waiting: Duration
    ) async throws -> [HalfMessage] {
        try MessageLimits.check(.waiting, waiting)
        // Before it stands in line: what a clerk is refused, everybody in the line is.
        try Self.check(halves: limit, lasting)
        try Task.checkCancellation()
        guard waiting > .zero else {
            return try await tellingCancellation {
                try await halfMessages(of: group, in: topic, limit: limit, lasting: lasting)
            }
        }
        let found = try await halfRoom.wait(
            for: ProducerGroup(name: group, topic: topic), WaitingWish(limit: limit, lease: lasting),
            atMost: waiting.withinLimits, with: self)
        guard Task.isCancelled, !found.isEmpty else { return found }
        await uncancelled { await self.giveBackIfPossible(found) }
        throw CancellationError()
    }

    /// Else nobody is asked about them until their receipts have ended. It is tried once: where nobody knows whether it was done, somebody
    /// else may have them by now.
    package func giveBackIfPossible(_ halves: [HalfMessage]) async {
        do { try await giveBack(halves) } catch {
            logger.info("half messages that nobody takes were not given back", metadata: ["error": "\(error)"])
        }
    }

    /// As if nobody had been asked. What has come to an end meanwhile stays so.
    func giveBack(_ halves: [HalfMessage]) async throws {
        let receipts = halves.map(\.receipt)
        try await writeLookingAgain(on: database) { session in
            let origin = try self.catalogue.origin(of: session)
            let ours = receipts.filter { $0.mark == origin.mark }
            try session.execute(Self.giveBackHalves, ours.map(\.number), ours.map(\.turn), origin.home)
        }
    }

    /// Until the next message is to be asked about; nil when there is none.
    func nextCheck(of group: String, in topic: TopicName) async throws -> Duration? {
        let rests = try await database.query(Self.nextCheck, topic.text, group) { try $0[0, as: Double.self] }
        return rests.first.map { .seconds($0) }
    }

    /// By the index (topic, producers, check_at).
    static let nextCheck: Statement = """
        SELECT extract(epoch FROM h.check_at - now())::float8 FROM mq.half_messages h JOIN mq.topics t ON t.id = h.topic
        WHERE t.name = $1 AND h.producers = $2 AND h.prepared_at > now() - interval '1 day' ORDER BY h.check_at LIMIT 1
        """
    /// By primary key, in its order. The receipts of the turn before have ended, and those of this one nobody has.
    static let giveBackHalves: Statement = """
        UPDATE mq.half_messages h SET turn = h.turn - 1, check_at = now() FROM (
            SELECT m.number, m.turn FROM mq.half_messages m JOIN unnest($1::bigint[], $2::int[]) AS g(number, turn)
                ON m.number = g.number AND m.turn = g.turn
            WHERE mq.is_home($3) ORDER BY m.number FOR UPDATE OF m) AS found
        WHERE h.number = found.number
        """
}
