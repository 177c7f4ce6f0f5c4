public import Postgres

extension Broker {
    /// Finishes messages: with the commit of this transaction they are done, together with every effect in it.
    ///
    /// Guarantee: only one finish of a place is ever committed. When another consumer has taken over since, or the queue was
    /// deleted, the whole transaction fails with ``QueueError/leaseLost(queue:message:)``, at the latest at its commit, and nothing
    /// in it happens. While the queue is being deleted, a transaction that has written something already fails with an error that
    /// is retryable.
    public func complete(_ messages: [ReceivedMessage], in session: borrowing Session) {
        finish(messages, as: .done, in: session)
        pass(messages, in: session)
    }

    /// Finishes messages in a transaction of their own.
    public func complete(_ messages: [ReceivedMessage]) async throws {
        try await writeLookingAgain(on: database) { self.complete(messages, in: $0) }
    }

    /// Errors, if given, match the messages one by one.
    func finish(
        _ messages: [ReceivedMessage], as outcome: Outcome, errors: [String?]? = nil, in session: borrowing Session
    ) {
        guard let origin = origin(of: messages, in: session) else { return }
        session.onRefusal { $0.leaseLost(finishing: messages) }
        let places = messages.map(\.receipt)
        // What was claimed together comes in order.
        let isSorted = zip(places, places.dropFirst()).allSatisfy { $0 < $1 }
        let order = isSorted ? Array(places.indices) : places.indices.sorted { places[$0] < places[$1] }
        let sorted = order.map { places[$0] }
        let queues = Set(sorted.map(\.queue))
        let deletions = catalogue.deletions(knowing: queues, at: origin)
        if let errors {
            session.pipeline(
                Self.completeWithErrors, sorted.map(\.queue), sorted.map(\.lane), sorted.map(\.seq), outcome.rawValue,
                order.map { errors[$0] }, origin.home, deletions)
        } else {
            let runs = Receipt.runs(of: sorted)
            session.pipeline(
                Self.complete, runs.map(\.first.queue), runs.map(\.first.lane), runs.map(\.first.seq),
                runs.map(\.last), outcome.rawValue, origin.home, deletions)
        }
        ring(queues.filter { catalogue.known($0)?.ringsWhenFinished == true }, after: session)
    }

    /// Where these messages are from, for a statement to bring along; nil where that is not here, and the transaction is refused.
    func origin(of messages: [ReceivedMessage], in session: borrowing Session) -> Origin? {
        do {
            let origin = try origin(of: messages.map(\.receipt), in: session)
            if let stranger = messages.first(where: { $0.receipt.mark != origin.mark }) {
                throw QueueError.leaseLost(queue: stranger.queue, message: stranger.message.id)
            }
            return origin
        } catch {
            session.refuse(error)
            return nil
        }
    }

    /// Where this session leads to, asked anew when one of the receipts is from elsewhere.
    func origin(of receipts: [Receipt], in session: borrowing Session) throws -> Origin {
        var origin = try catalogue.origin(of: session)
        if receipts.contains(where: { $0.mark != origin.mark }) {
            // This connection may be the one that has not noticed.
            session.unlearn()
            origin = try catalogue.origin(of: session)
        }
        if receipts.contains(where: { $0.mark == origin.mark && catalogue.known($0.queue) == nil }) {
            try catalogue.reload(in: session)
        }
        return origin
    }

    /// The primary key of the completions is the fence: a second word on a place violates it. Rows come in place order,
    /// so that transactions that meet wait for each other in one direction only. What was claimed together is mostly finished
    /// together, so places come as runs from a first seq to a last one.
    static let complete = Statement(
        """
        INSERT INTO mq.completions (queue, lane, seq, outcome)
        SELECT r.queue, r.lane, generate_series(r.first, r.last), $5::text::"char"
        FROM unnest($1::int[], $2::smallint[], $3::bigint[], $4::bigint[]) AS r(queue, lane, first, last)
        WHERE \(Origin.isHome("$6"))
          AND \(isKept("r.queue", knowing: "$7", orElse: "mq.must_keep_queue(r.queue, r.lane, r.first)"))
        """)
    static let completeWithErrors = Statement(
        """
        INSERT INTO mq.completions (queue, lane, seq, outcome, error)
        SELECT c.queue, c.lane, c.seq, $4::text::"char", c.error
        FROM unnest($1::int[], $2::smallint[], $3::bigint[], $5::text[]) AS c(queue, lane, seq, error)
        WHERE \(Origin.isHome("$6"))
          AND \(isKept("c.queue", knowing: "$7", orElse: "mq.must_keep_queue(c.queue, c.lane, c.seq)"))
        """)

    /// Keeps a queue from being deleted until the transaction ends, as `mq.keep_queue` does, which is only called when a queue was
    /// deleted since the process has read this one, or is just being deleted: a function costs more than all of this.
    ///
    /// The lock comes first. A sequence is read as it is after it, and not as it was when the statement began.
    static func isKept(_ queue: String, knowing deletions: String, orElse ask: String) -> String {
        """
        CASE WHEN pg_try_advisory_xact_lock_shared(mq.lock_class() + \(queue), 1001)
            AND (SELECT last_value FROM mq.deletions) = \(deletions) THEN true ELSE \(ask) END
        """
    }
}

extension PostgresError {
    /// What it means for whoever was finishing these messages: a place that has a completion already, or whose segment has been
    /// dropped since, was taken over by somebody else, and one of a queue that is gone is nobody's, see `mq.must_keep_queue`. Nil for
    /// any other trouble, and for a place of nobody here.
    fileprivate func leaseLost(finishing messages: [ReceivedMessage]) -> QueueError? {
        guard schema == "mq", table?.hasPrefix("completions") == true, isUniqueViolation || isCheckViolation else {
            return nil
        }
        guard let place = completedPlace else {
            return .leaseLost(queue: messages.first?.queue, message: messages.count == 1 ? messages[0].message.id : nil)
        }
        return messages.first { ($0.receipt.queue, $0.receipt.lane, $0.receipt.seq) == place }.map {
            .leaseLost(queue: $0.queue, message: $0.message.id)
        }
    }

    /// Of `Key (queue, lane, seq)=(1, 0, 42) already exists.`, in whatever language: the key as the table has it.
    private var completedPlace: (Int32, Int16, Int64)? {
        guard let key = detail?.firstMatch(of: #/\)=\((\d+), (\d+), (\d+)\)/#), let queue = Int32(key.1),
            let lane = Int16(key.2), let seq = Int64(key.3)
        else { return nil }
        return (queue, lane, seq)
    }
}
