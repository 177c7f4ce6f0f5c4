import Postgres
import TestSupport

@testable import MessageQueue

/// What happens to players and messages from outside.
extension Stage {
    /// Terminates the player's server process where it stands.
    func kill(_ player: Player) async throws {
        guard let seat = player.seat else { return }
        note("\(player.number) is killed")
        runs[player.number]?.isKilled = true
        try await terminate(seat.process)
        if case .before = player.stand { player.step() }
        blocked.remove(player.number)
        try await settle(player)
        try await bury(player, seat)
    }

    /// Terminates it while it commits: nobody knows what has become of that but the database.
    func killAtCommit(_ player: Player) async throws {
        while case .before(let sql) = player.stand, sql != "COMMIT", contradictions.isEmpty {
            try await advance(player)
        }
        guard case .before = player.stand, let seat = player.seat, contradictions.isEmpty else { return }
        try await letRetirePass(player)
        note("\(player.number) is killed at its commit")
        runs[player.number]?.isKilled = true
        runs[player.number]?.isAlone = false
        player.step()
        try await terminate(seat.process)
        try await settle(player)
        // It may have got through, to the next transaction of the same deed.
        try await look(after: player)
        while case .before = player.stand {
            runs[player.number]?.isRegretted = true
            player.step(regretting: true)
            try await settle(player)
        }
        try await bury(player, seat)
    }

    private func bury(_ player: Player, _ seat: Player.Seat) async throws {
        disturb()
        facts.lost.insert(seat.consumer)
        facts.living.remove(seat.consumer)
        if runs[player.number] != nil { try await letRetirePass(player); try await look(after: player) }
        await seat.database.close()
        try await world.sit(player)
        if let seat = player.seat { facts.living.insert(seat.consumer) }
        try await lookAfterBlocked()
    }

    private nonisolated func terminate(_ process: Int32) async throws {
        try await world.database.execute("SELECT pg_terminate_backend($1)", process)
        try await eventually("the process is gone", every: .milliseconds(1)) {
            try await world.database.execute("SELECT 1 FROM pg_stat_activity WHERE pid = $1", process) == 0
        }
    }

    /// An hour passes for what is deferred or held and for what was sent once, unless somebody holds it just now.
    func endDeferrals() async throws {
        try await letRetirePass(nil)
        note("an hour passes for what is deferred")
        disturb()
        try await world.database.execute(
            """
            UPDATE mq.scheduled SET due_at = now() - interval '1 second' WHERE ticket IN (
                SELECT ticket FROM mq.scheduled WHERE due_at > now() FOR UPDATE SKIP LOCKED)
            """)
        try await world.database.execute(
            """
            UPDATE mq.blocked_keys SET retry_at = now() - interval '1 second' WHERE (queue, key) IN (
                SELECT queue, key FROM mq.blocked_keys WHERE retry_at > now() AND retry_at < 'infinity' FOR UPDATE SKIP LOCKED)
            """)
        let forgotten = try await world.database.query(
            """
            UPDATE mq.sent_keys SET expires_at = now() - interval '1 day' WHERE (queue, key) IN (
                SELECT queue, key FROM mq.sent_keys WHERE expires_at > now() FOR UPDATE SKIP LOCKED)
            RETURNING queue, key
            """
        ) { "\(try $0[0, as: Int.self]) \(try $0[1, as: String.self])" }
        facts.keys.subtract(forgotten)
        snapshot = try await Snapshot.take(of: imagination.ids, on: world.database)
    }

    /// An hour passes for leases with an end, unless somebody extends them or takes them away just now.
    func endLeases() async throws {
        try await letRetirePass(nil)
        note("an hour passes for leases")
        disturb()
        try await world.database.execute(
            """
            UPDATE mq.claims c SET lease_until = now() - interval '1 second'
            FROM (SELECT queue, lane, last_seq FROM mq.claims WHERE lease_until > now() FOR UPDATE SKIP LOCKED) AS held
            WHERE (c.queue, c.lane, c.last_seq) = (held.queue, held.lane, held.last_seq)
            """)
        snapshot = try await Snapshot.take(of: imagination.ids, on: world.database)
    }

    /// An hour passes for what was claimed at a rate, once everybody is done.
    func letPaceGoOn() async throws {
        if facts.paced.isEmpty { return }
        try await finishAll()
        note("an hour passes for the pace")
        for log in ["mq.claims", "mq.lanes"] {
            try await world.database.execute(
                Statement("UPDATE \(log) SET paced_until = paced_until - interval '1 hour'"))
        }
        facts.paced = facts.paced.mapValues { max(0, $0 - 1) }
    }
}
