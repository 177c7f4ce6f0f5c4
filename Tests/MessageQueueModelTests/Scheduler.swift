import DeliveryCheck
import Foundation
import Postgres
import TestSupport

@testable import MessageQueue

/// Runs a history: one statement of one client at a time, and after each commit compares what the database holds with
/// what the model allows.
actor Scheduler {
    /// A command on its way.
    struct Run {
        let command: Command
        let consumer: Int64
        /// What was committed when its last statement was sent.
        var view: Snapshot
        /// What was committed when it peeked last.
        var peeked: Snapshot?
        /// What had been purged when its last statement was sent, of each queue.
        var purged: [Int32: Int]
        /// How queues were set up since it began, the newest last.
        var setups: [World.Setup]
        var isAlone = true
        var company = 0
        var wasBlocked = false
        var isKilled = false
        var isRolledBack = false
        var isGivingBack = false
        /// Since its last commit, more than reading.
        var hasWritten = false
        /// By earlier transactions of the same command.
        var claimed: [Receipt] = []
        var moved = 0

        mutating func note(_ sql: String, seeing snapshot: Snapshot, purged: [Int32: Int]) {
            view = snapshot
            self.purged = purged
            if sql == Broker.peek.sql { peeked = snapshot }
            isGivingBack = isGivingBack || sql.contains(Self.givingBack)
            // What functions of the engine do is not seen from outside.
            hasWritten = hasWritten || !sql.hasPrefix("SELECT") || Self.writing.contains { sql.contains($0) }
        }

        static let givingBack = "mq.unlock_lane("
        private static let writing = [
            "SELECT mq.", "mq.append(", "mq.claim_in_order(", "mq.replay(", "mq.delete_queue(",
        ]
    }

    /// For the queue check at the end.
    struct Accounts {
        var attempted: [Name] = []
        var acknowledged: [Name] = []
        var handled: [Name] = []

        var check: QueueCheck<Name> {
            QueueCheck(attempted: attempted, acknowledged: acknowledged, handled: handled)
        }
    }

    let world: World
    let clients: [Client]
    /// Of the history.
    let seed: UInt64
    var facts: World.Facts
    var snapshot = Snapshot()
    var runs: [Int: Run] = [:]
    var blocked: Set<Int> = []
    var generator: Generator
    private(set) var contradictions: [String] = []
    /// What happened, line by line.
    private(set) var log: [String] = []
    var accounts = Accounts()
    /// What commands committed of which the effects have to be there, and no others.
    var effects: Set<Int> = []
    var purged: [Int32: Int] = [:]

    init(_ world: World, _ clients: [Client], seed: UInt64) {
        self.world = world
        self.clients = clients
        self.seed = seed
        facts = World.Facts(
            setup: World.Setup(queues: world.queues), living: Set(clients.compactMap { $0.incarnation?.consumer }))
        generator = Generator(seed: seed, queues: world.queues)
    }

    // MARK: Running

    func run(_ history: History) async throws {
        try await makeSpare()
        snapshot = try await look()
        for one in try await world.janitor.statistics() {
            if let queue = facts.queues.first(where: { $0.name == one.queue }) { purged[queue.id] = one.purged }
        }
        for move in history.moves where contradictions.isEmpty { try await make(move) }
        if contradictions.isEmpty { try await finishAll() }
        if contradictions.isEmpty { try await audit("at the end") }
        if contradictions.isEmpty { try await drain() }
    }

    func report(_ contradiction: String) {
        contradictions.append(contradiction)
        note("CONTRADICTION: \(contradiction)")
    }

    func note(_ text: String) { log.append(text) }

    func look() async throws -> Snapshot {
        try await Snapshot.take(of: generator.ids, in: seed, on: world.database)
    }

    private func make(_ move: Move) async throws {
        let client = clients[move.client]
        switch (move.action, client.position) {
        case (.scheduledComeDue, _): try await makeScheduledDue()
        case (.leasesEnd, _): try await endLeases()
        case (.messagesAge, _): try await ageMessages()
        case (.paceGoesOn, _): try await letPaceGoOn()
        case (.kill, _): try await kill(client)
        case (_, .running): break
        case (.go(let steps), .idle):
            try await begin(move, client)
            for _ in 0..<steps { try await advance(client) }
        case (.go(let steps), .before): for _ in 0..<max(1, steps) { try await advance(client) }
        case (.rollBack, .before): try await rollBack(client)
        case (.killAtCommit, .before): try await killAtCommit(client)
        case (.rollBack, .idle), (.killAtCommit, .idle): try await begin(move, client)
        }
    }

    private func begin(_ move: Move, _ client: Client) async throws {
        guard let incarnation = client.incarnation else { return }
        let command: Command =
            meetsDeletion(move)
            ? .deleteQueue : generator.command(move, by: client.number, facts, seeing: snapshot)
        // A segment can be opened only while nobody holds a lane; mostly, it is given that moment.
        if case .retire = command, !move.seed.isMultiple(of: 4) { try await finishAll() }
        accounts.attempted += command.names
        runs[client.number] = Run(
            command: command, consumer: incarnation.consumer, view: snapshot, purged: purged, setups: [facts.setup])
        note("\(client.number) begins to \(command)")
        client.begin(command, with: incarnation)
        try await waitForStop(of: client)
        if client.position == .idle { try end(client) }
    }

    /// One statement. A commit changes what is there; any other statement may have to wait for somebody.
    func advance(_ client: Client) async throws {
        guard case .before(let sql) = client.position, contradictions.isEmpty else { return }
        let isCommit = sql == "COMMIT"
        if isCommit { try await letRetirePass(client) }
        noteCompany(of: client)
        if !isCommit { runs[client.number]?.note(sql, seeing: snapshot, purged: purged) }
        note("\(client.number) > \(sql.prefix(60).replacing("\n", with: " "))")
        client.step()
        try await waitForStop(of: client)
        if isCommit { try await observe(after: client) } else if client.position == .idle { try await fail(client) }
        try await resumeUnblocked()
    }

    private func noteCompany(of client: Client) {
        let others = clients.filter { $0 !== client && $0.position != .idle }.count
        let most = max(others, runs[client.number]?.company ?? 0)
        runs[client.number]?.company = most
        if others > 0 { disturb() }
    }

    /// Whoever is in the middle of a command meets something that happened meanwhile.
    func disturb() { for number in runs.keys { runs[number]?.isAlone = false } }

    private func rollBack(_ client: Client) async throws {
        if isAboutLane(client) { return try await advance(client) }
        runs[client.number]?.isRolledBack = true
        note("\(client.number) rolls back")
        client.step(rollingBack: true)
        try await waitForStop(of: client)
        if client.position == .idle { try await fail(client) }
        try await resumeUnblocked()
    }

    /// A producer that could not ask for its lane, or give it back, would give up its session, and with it its place in the history.
    private func isAboutLane(_ client: Client) -> Bool {
        if case .before(let sql) = client.position, sql.contains("mq.lock_lane(") || sql.contains(Run.givingBack) {
            return true
        }
        return runs[client.number]?.isGivingBack == true
    }

    /// Whoever opens or drops a segment holds locks that nobody can look past, the model included.
    ///
    /// Of two that are about it, only the one with the locks goes first: otherwise each would let the other pass, without end.
    func letRetirePass(_ client: Client?) async throws {
        for other in clients where other !== client && isRetiring(other) {
            if let client, isRetiring(client), try await !locksTables(other) { continue }
            while other.position != .idle, contradictions.isEmpty { try await advance(other) }
        }
    }

    private func isRetiring(_ client: Client) -> Bool {
        if case .retire? = runs[client.number]?.command { true } else { false }
    }

    private func locksTables(_ client: Client) async throws -> Bool {
        guard let process = client.incarnation?.process else { return false }
        return try await world.database.query(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND mode = 'AccessExclusiveLock' AND granted)", process
        ) { try $0[0, as: Bool.self] } == [true]
    }

    // MARK: Waiting

    private static let patience = Duration.milliseconds(2)

    /// Waits until the client stands before its next statement or is idle, or is seen to wait for a lock.
    func waitForStop(of client: Client) async throws {
        // Nobody moves while a segment is being opened or dropped: it gets its locks now or gives up.
        let isRetiring = isRetiring(client)
        for _ in 0..<60_000 {
            if await client.hasStopped(within: Self.patience) { return }
            if !isRetiring, try await isBlocked(client) {
                blocked.insert(client.number)
                disturb()
                runs[client.number]?.wasBlocked = true
                note("\(client.number) has to wait")
                return
            }
        }
        throw NeverHappened(description: "client \(client.number) came to rest")
    }

    private func isBlocked(_ client: Client) async throws -> Bool {
        guard let process = client.incarnation?.process else { return false }
        return try await world.database.query("SELECT cardinality(pg_blocking_pids($1)) > 0", process) {
            try $0[0, as: Bool.self]
        } == [true]
    }

    /// Somebody's locks may be gone: those who waited for them go on to their next statement.
    func resumeUnblocked() async throws {
        var isChanged = true
        while isChanged {
            isChanged = false
            for number in blocked.sorted() {
                let client = clients[number]
                if client.position == .running, try await isBlocked(client) { continue }
                blocked.remove(number)
                try await waitForStop(of: client)
                if blocked.contains(number) { continue }
                isChanged = true
                note("\(number) goes on")
                if client.position == .idle { try await fail(client) }
            }
        }
    }

    func finishAll() async throws {
        for _ in 0..<1000 where contradictions.isEmpty {
            let busy = clients.filter { $0.position != .idle }
            if busy.isEmpty { return }
            for client in busy { try await advance(client) }
            try await resumeUnblocked()
        }
        if contradictions.isEmpty { throw NeverHappened(description: "all clients finished") }
    }

    /// Leaves no client waiting on its connection's thread.
    func abandon() async throws {
        for client in clients { client.abandon() }
        for client in clients { _ = await client.hasStopped(within: .seconds(60)) }
    }
}
