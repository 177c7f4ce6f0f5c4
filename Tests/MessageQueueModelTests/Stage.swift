import Benchmarks
import Foundation
import Postgres
import TestSupport

@testable import MessageQueue

/// Plays a history: one statement of one player at a time, and after each commit compares what the database holds with
/// what the model allows.
actor Stage {
    /// A deed on its way.
    struct Run {
        let deed: Deed
        let consumer: Int64
        /// What was committed when its last statement was sent.
        var view: Snapshot
        /// And what had been purged by then, of each queue.
        var purged: [Int32: Int]
        var isAlone = true
        var company = 0
        var wasBlocked = false
        var isKilled = false
        var isRegretted = false
        var isGivingBack = false
        /// Since its last commit, more than reading.
        var hasWritten = false
        /// By earlier transactions of the same deed.
        var claimed: [Receipt] = []
        var moved = 0

        mutating func note(_ sql: String, seeing snapshot: Snapshot, purged: [Int32: Int]) {
            view = snapshot
            self.purged = purged
            isGivingBack = isGivingBack || sql.contains(Self.givingBack)
            // What functions of the engine do is not seen from outside.
            hasWritten = hasWritten || !sql.hasPrefix("SELECT") || Self.writing.contains { sql.contains($0) }
        }

        static let givingBack = "mq.let_lane("
        private static let writing = ["SELECT mq.", "mq.append(", "mq.claim_in_order(", "mq.replay("]
    }

    /// For the queue check at the end.
    struct Books {
        var attempted: [Name] = []
        var acknowledged: [Name] = []
        var handled: [Name] = []

        var check: QueueCheck<Name> {
            QueueCheck(attempted: attempted, acknowledged: acknowledged, handled: handled)
        }
    }

    let world: World
    let players: [Player]
    var facts: World.Facts
    var snapshot = Snapshot()
    var runs: [Int: Run] = [:]
    var blocked: Set<Int> = []
    var imagination: Imagination
    private(set) var contradictions: [String] = []
    /// What happened, line by line.
    private(set) var protocolLines: [String] = []
    var books = Books()
    /// What deeds committed of which the effects have to be there, and no others.
    var effects: Set<Int> = []
    var purged: [Int32: Int] = [:]

    init(_ world: World, _ players: [Player], seed: UInt64) {
        self.world = world
        self.players = players
        facts = World.Facts(lines: world.lines, living: Set(players.compactMap { $0.seat?.consumer }))
        imagination = Imagination(seed: seed, lines: world.lines)
    }

    // MARK: Playing

    func play(_ history: History) async throws {
        for one in try await world.janitor.statistics() {
            if let line = facts.lines.first(where: { $0.name == one.queue }) { purged[line.id] = one.purged }
        }
        for move in history.moves where contradictions.isEmpty { try await play(move) }
        if contradictions.isEmpty { try await finishAll() }
        if contradictions.isEmpty { try await audit("at the end") }
        if contradictions.isEmpty { try await drain() }
    }

    func report(_ contradiction: String) {
        contradictions.append(contradiction)
        note("CONTRADICTION: \(contradiction)")
    }

    func note(_ line: String) { protocolLines.append(line) }

    private func play(_ move: Move) async throws {
        let player = players[move.player]
        switch (move.act, player.stand) {
        case (.deferralsEnd, _): try await endDeferrals()
        case (.leasesEnd, _): try await endLeases()
        case (.paceGoesOn, _): try await letPaceGoOn()
        case (.kill, _): try await kill(player)
        case (_, .running): break
        case (.go(let steps), .idle):
            try await begin(move, player)
            for _ in 0..<steps { try await advance(player) }
        case (.go(let steps), .before): for _ in 0..<max(1, steps) { try await advance(player) }
        case (.rollBack, .before): try await rollBack(player)
        case (.killAtCommit, .before): try await killAtCommit(player)
        case (.rollBack, .idle), (.killAtCommit, .idle): try await begin(move, player)
        }
    }

    private func begin(_ move: Move, _ player: Player) async throws {
        guard let seat = player.seat else { return }
        let deed = imagination.deed(move, by: player.number, facts, seeing: snapshot)
        // A segment can be opened only while nobody holds a lane; mostly, it is given that moment.
        if case .retire = deed, !move.seed.isMultiple(of: 4) { try await finishAll() }
        books.attempted += deed.names(in: facts.lines)
        runs[player.number] = Run(deed: deed, consumer: seat.consumer, view: snapshot, purged: purged)
        note("\(player.number) begins to \(deed)")
        player.begin(deed, with: seat)
        try await settle(player)
        if player.stand == .idle { try end(player) }
    }

    /// One statement. A commit changes what is there; any other statement may have to wait for somebody.
    func advance(_ player: Player) async throws {
        guard case .before(let sql) = player.stand, contradictions.isEmpty else { return }
        let isCommit = sql == "COMMIT"
        if isCommit { try await letRetirePass(player) }
        noteCompany(of: player)
        if !isCommit { runs[player.number]?.note(sql, seeing: snapshot, purged: purged) }
        note("\(player.number) > \(sql.prefix(60).replacing("\n", with: " "))")
        player.step()
        try await settle(player)
        if isCommit { try await look(after: player) } else if player.stand == .idle { try await fail(player) }
        try await lookAfterBlocked()
    }

    private func noteCompany(of player: Player) {
        let others = players.filter { $0 !== player && $0.stand != .idle }.count
        let most = max(others, runs[player.number]?.company ?? 0)
        runs[player.number]?.company = most
        if others > 0 { disturb() }
    }

    /// Whoever is in the middle of a deed meets something that happened meanwhile.
    func disturb() { for number in runs.keys { runs[number]?.isAlone = false } }

    private func rollBack(_ player: Player) async throws {
        if isAboutLane(player) { return try await advance(player) }
        runs[player.number]?.isRegretted = true
        note("\(player.number) rolls back")
        player.step(regretting: true)
        try await settle(player)
        if player.stand == .idle { try await fail(player) }
        try await lookAfterBlocked()
    }

    /// A producer that could not ask for its lane, or give it back, would give up its session, and with it its seat.
    private func isAboutLane(_ player: Player) -> Bool {
        if case .before(let sql) = player.stand, sql.contains("mq.hold_lane(") || sql.contains(Run.givingBack) {
            return true
        }
        return runs[player.number]?.isGivingBack == true
    }

    /// Whoever opens or drops a segment holds locks that nobody can look past, the model included.
    ///
    /// Of two that are about it, only the one with the locks goes first: otherwise each would let the other pass, without end.
    func letRetirePass(_ player: Player?) async throws {
        for other in players where other !== player && isRetiring(other) {
            if let player, isRetiring(player), try await !locksTables(other) { continue }
            while other.stand != .idle, contradictions.isEmpty { try await advance(other) }
        }
    }

    private func isRetiring(_ player: Player) -> Bool {
        if case .retire? = runs[player.number]?.deed { true } else { false }
    }

    private func locksTables(_ player: Player) async throws -> Bool {
        guard let process = player.seat?.process else { return false }
        return try await world.database.query(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND mode = 'AccessExclusiveLock' AND granted)", process
        ) { try $0[0, as: Bool.self] } == [true]
    }

    // MARK: Waiting

    private static let patience = Duration.milliseconds(2)

    /// Waits until the player stands before its next statement or is idle, or is seen to wait for a lock.
    func settle(_ player: Player) async throws {
        // Nobody moves while a segment is being opened or dropped: it gets its locks now or gives up.
        let isRetiring = isRetiring(player)
        for _ in 0..<60_000 {
            if await player.hasSettled(within: Self.patience) { return }
            if !isRetiring, try await isBlocked(player) {
                blocked.insert(player.number)
                disturb()
                runs[player.number]?.wasBlocked = true
                note("\(player.number) has to wait")
                return
            }
        }
        throw NeverHappened(description: "player \(player.number) came to rest")
    }

    private func isBlocked(_ player: Player) async throws -> Bool {
        guard let process = player.seat?.process else { return false }
        return try await world.database.query("SELECT cardinality(pg_blocking_pids($1)) > 0", process) {
            try $0[0, as: Bool.self]
        } == [true]
    }

    /// Somebody's locks may be gone: those who waited for them go on to their next statement.
    func lookAfterBlocked() async throws {
        var isChanged = true
        while isChanged {
            isChanged = false
            for number in blocked.sorted() {
                let player = players[number]
                if player.stand == .running, try await isBlocked(player) { continue }
                blocked.remove(number)
                try await settle(player)
                if blocked.contains(number) { continue }
                isChanged = true
                note("\(number) goes on")
                if player.stand == .idle { try await fail(player) }
            }
        }
    }

    func finishAll() async throws {
        for _ in 0..<1000 where contradictions.isEmpty {
            let busy = players.filter { $0.stand != .idle }
            if busy.isEmpty { return }
            for player in busy { try await advance(player) }
            try await lookAfterBlocked()
        }
        if contradictions.isEmpty { throw NeverHappened(description: "all players finished") }
    }

    /// Leaves no player waiting on its connection's thread.
    func abandon() async throws {
        for player in players { player.abandon() }
        for player in players { _ = await player.hasSettled(within: .seconds(60)) }
    }
}
