import Durations
package import Postgres
import Synchronization

/// What this process knows of queues and topics, so that sending needs no look-up.
///
/// Within one ``Origin`` ids never change, so only what is missing is looked up, in the transaction that misses it. A session
/// that leads to another origin finds nothing known.
package final class Catalogue: Sendable {
    package struct Entry: Sendable {
        let origin: Origin
        package let id: Int32
        package let name: QueueName
        let lease: Duration
        let retry: RetryPolicy
        /// Of each level; a queue that keeps order has as many again, for what is delivered anew.
        let lanes: Int16
        let levels: Int16
        let order: KeyOrder?
        let retention: Duration?
        let delay: Duration
        let limits: QueueLimits
        /// How many queues had been deleted, ever, when this one was read.
        let deletions: Int64

        /// Whether anybody waits for a message to be finished, and not only for one to come.
        var ringsWhenFinished: Bool { order != nil || limits.concurrency != nil }
        /// Whether a claim has to ask first how much it may take.
        var isLimited: Bool { limits != .none }
        /// Whether the lane of a message depends on the message.
        var sortsMessages: Bool { order != nil || levels > 1 }

        /// Whether this is the same queue, in the same database.
        func isStill(_ other: Entry) -> Bool { id == other.id && origin == other.origin }

        /// Whether also the server has lived on since, so that what is remembered of the queue's places holds.
        func isSame(as other: Entry) -> Bool { isStill(other) && origin.life == other.origin.life }

        func receipt(lane: Int16, seq: Int64) -> Receipt {
            Receipt(queue: id, lane: lane, seq: seq, mark: origin.mark)
        }

        var priorities: PriorityLevels { PriorityLevels(rawValue: levels) ?? .none }
        func level(of priority: Priority) -> Int16 { priorities.level(of: priority) }

        /// How long a message waits here.
        func delay(of message: Packed) -> Duration { message.delay ?? delay }

        func level(of place: Receipt) -> Int16 { level(ofLane: place.lane) }
        private func level(ofLane lane: Int16) -> Int16 { levels > 1 ? lane / lanes : 0 }
        func priority(ofLane lane: Int16) -> Priority { priorities.priority(of: level(ofLane: lane)) }
    }

    private struct State {
        var origin: Origin?
        /// Something was refused: whoever looks for a queue reads everything anew.
        var isDoubtful = false
        let readAt = ContinuousClock.now
        var queues: [QueueName: Entry] = [:]
        var byID: [Int32: Entry] = [:]
        var listeners: [TopicName: [Int32]] = [:]

        /// A sender that is in no worker learns this way of settings that were changed.
        func isSure(of origin: Origin, for trust: Duration) -> Bool {
            self.origin == origin && self.origin?.life == origin.life && !isDoubtful && readAt + trust > .now
        }

        mutating func replace(_ name: QueueName, with entry: Entry?) {
            if let old = queues[name] { byID[old.id] = nil }
            queues[name] = entry
            if let entry { byID[entry.id] = entry }
        }
    }

    private let state = Mutex(State())

    /// How long what was read is gone by.
    private let trust: Duration

    /// Longer than from one heartbeat of a worker to the next, which reads everything anew as well.
    static let longestTrust = Duration.seconds(15)

    init(trust: Duration) { self.trust = trust }

    /// Where a session leads to. What is known of another origin is forgotten.
    func origin(of session: borrowing Session) throws -> Origin {
        var (text, isNew) = try Origin.text(of: session)
        if isNew { doubt() }
        if let known = state.withLock({ $0.origin }) {
            if known.isTold(by: text) { return known }
            // This connection may have asked before it was another life.
            if !isNew {
                session.unlearn()
                text = try Origin.text(of: session).text
            }
            if known.isTold(by: text) { return known }
        }
        let origin = try Origin(text)
        state.withLock { $0 = State(origin: origin) }
        return origin
    }

    /// For a transaction that goes by what another one has read.
    ///
    /// - Throws: an error that asks for another try, at the latest with the session's next statement, when it leads elsewhere.
    func stay(at origin: Origin, in session: borrowing Session) throws {
        if try self.origin(of: session) != origin { session.unlearn() }
        guard try self.origin(of: session) == origin else { throw PostgresError.outdated("the database") }
        session.pipeline(Origin.check, origin.home)
    }

    func doubt() { state.withLock { $0.isDoubtful = true } }

    func queue(_ name: QueueName, in session: borrowing Session) throws -> Entry {
        let origin = try origin(of: session)
        if let known = state.withLock({ $0.isSure(of: origin, for: trust) ? $0.queues[name] : nil }) { return known }
        guard let found = try load(in: session).queues[name] else { throw QueueError.unknownQueue(name) }
        return found
    }

    /// The same queue as this session has it.
    ///
    /// - Throws: an error that asks for another try, when the queue of this name is another one by now.
    func current(_ entry: Entry, in session: borrowing Session) throws -> Entry {
        var current = try queue(entry.name, in: session)
        if !current.isStill(entry) {
            // This connection may be the one that has not noticed.
            session.unlearn()
            current = try queue(entry.name, in: session)
        }
        guard current.isStill(entry) else { throw PostgresError.outdated("queue \(entry.name)") }
        return current
    }

    /// The queues that may hear a topic, as far as is known: for ringing, not for routing.
    func listeners(of topic: TopicName, in session: borrowing Session) throws -> [Int32] {
        let origin = try origin(of: session)
        if let known = state.withLock({ $0.isSure(of: origin, for: trust) ? $0.listeners[topic] : nil }) {
            return known
        }
        guard let found = try load(in: session).listeners[topic] else { throw QueueError.unknownTopic(topic) }
        return found
    }

    /// What was read last, without a look-up.
    func known(_ name: QueueName) -> Entry? { state.withLock { $0.queues[name] } }

    /// The queues that may hear a topic, as they were read last, without a look-up; nil for a topic that is not known.
    func knownListeners(of topic: TopicName) -> [Entry]? {
        state.withLock { state in state.listeners[topic].map { $0.compactMap { state.byID[$0] } } }
    }

    func known(_ id: Int32) -> Entry? { state.withLock { $0.byID[id] } }

    /// How many queues had been deleted, ever, when the first of these was read; nil when one of them is not known here.
    ///
    /// As long as there are no more, all of them are there still.
    func deletions(knowing queues: Set<Int32>, at origin: Origin) -> Int64? {
        state.withLock { state in
            let known = state.origin == origin ? queues.compactMap { state.byID[$0]?.deletions } : []
            return known.count == queues.count ? known.min() : nil
        }
    }

    var allKnown: [Entry] { state.withLock { Array($0.queues.values) } }

    /// Reads everything anew, by one statement; settings that an operator changed become known this way.
    @discardableResult
    private func load(in session: borrowing Session) throws -> State {
        let origin = try origin(of: session)
        var found = State(origin: origin)
        for read in try session.query(Self.everything, row: { try Self.read($0, origin) }) {
            switch read {
            case .queue(let entry):
                found.queues[entry.name] = entry
                found.byID[entry.id] = entry
            case .topic(let name, let listeners): found.listeners[name] = listeners
            }
        }
        state.withLock { [found] in $0 = found }
        return found
    }

    func reload(in session: borrowing Session) throws { try load(in: session) }

    /// Reads one queue anew, with its present settings, and leaves the others as they are known.
    func reread(_ name: QueueName, in session: borrowing Session) throws -> Entry {
        let origin = try origin(of: session)
        let found = try session.query(Self.oneQueue, name.text) { try Self.entry($0, origin) }.first
        state.withLock { state in
            if state.origin == origin, state.origin?.life == origin.life { state.replace(name, with: found) }
        }
        guard let found else { throw QueueError.unknownQueue(name) }
        return found
    }

    private enum Read { case queue(Entry), topic(TopicName, [Int32]) }

    private static func read(_ row: borrowing Row, _ origin: Origin) throws -> Read {
        if let listeners = try row[14, as: [Int32]?.self] { return .topic(TopicName(try row[1]), listeners) }
        return .queue(try entry(row, origin))
    }

    private static func entry(_ row: borrowing Row, _ origin: Origin) throws -> Entry {
        Entry(
            origin: origin, id: try row[0], name: QueueName(try row[1]),
            lease: .milliseconds(try row[2, as: Int.self]),
            retry: RetryPolicy(
                attempts: try row[3], base: .milliseconds(try row[4, as: Int.self]),
                cap: .milliseconds(try row[5, as: Int.self]), jitter: try row[6]),
            lanes: try row[7], levels: try row[8], order: KeyOrder(code: try row[9]),
            retention: try row[13, as: Int?.self].map { .milliseconds($0) },
            delay: .milliseconds(try row[15, as: Int.self]),
            limits: QueueLimits(concurrency: try row[10], rate: try row[11], burst: try row[12]),
            deletions: try row[16])
    }

    private static let queueColumns = """
        id, name, lease_ms, max_attempts, backoff_base_ms, backoff_cap_ms, jitter, lanes, levels, key_order::text,
            concurrency_limit, rate_limit, burst, retention_ms, NULL::int[] AS listeners, delay_ms,
            (SELECT deletions FROM mq.identity) AS deletions
        """
    /// The queues, and then the topics with whom they are heard by: only these have listeners.
    static let everything = Statement(
        """
        SELECT \(queueColumns) FROM mq.queues
        UNION ALL
        SELECT t.id, t.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            coalesce(array_agg(DISTINCT s.queue) FILTER (WHERE s.queue IS NOT NULL), '{}'), NULL, NULL
        FROM mq.topics t LEFT JOIN mq.subscriptions s ON s.topic = t.id GROUP BY t.id
        """)
    /// By the unique index on names.
    static let oneQueue = Statement("SELECT \(queueColumns) FROM mq.queues WHERE name = $1")
}

extension Broker {
    /// Where a connection leads to.
    func origin(of database: some DatabaseAccess) async throws -> Origin {
        try await lookingAgain {
            try await database.perform(isTransaction: false, within: nil) { try self.catalogue.origin(of: $0) }
        }
    }

    /// Looks queues up, with their present settings.
    package func entries(of queues: [QueueName], on database: some DatabaseAccess) async throws -> [Catalogue.Entry] {
        try await lookingAgain {
            try await database.perform(isTransaction: false, within: nil) { session in
                try self.catalogue.reload(in: session)
                return try queues.map { try self.catalogue.queue($0, in: session) }
            }
        }
    }

    /// Every queue there is, with its present settings.
    package func allEntries() async throws -> [Catalogue.Entry] {
        _ = try await entries(of: [], on: database)
        return catalogue.allKnown
    }
}
