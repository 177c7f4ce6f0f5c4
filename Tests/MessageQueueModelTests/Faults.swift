import Postgres
import TestSupport

@testable import MessageQueue

/// What happens to clients and messages from outside.
extension Scheduler {
    /// Terminates the client's server process where it stands.
    func kill(_ client: Client) async throws {
        guard let incarnation = client.incarnation else { return }
        note("\(client.number) is killed")
        runs[client.number]?.isKilled = true
        try await terminate(incarnation.process)
        if case .before = client.position { client.step() }
        blocked.remove(client.number)
        try await waitForStop(of: client)
        try await endCommand(of: client)
        try await replace(client, incarnation)
    }

    /// Terminates it while it commits: nobody knows what has become of that but the database.
    func killAtCommit(_ client: Client) async throws {
        while case .before(let sql) = client.position, sql != "COMMIT", contradictions.isEmpty {
            try await advance(client)
        }
        guard case .before = client.position, let incarnation = client.incarnation, contradictions.isEmpty else {
            return
        }
        try await letRetirePass(client)
        note("\(client.number) is killed at its commit")
        runs[client.number]?.isKilled = true
        runs[client.number]?.isAlone = false
        client.step()
        try await terminate(incarnation.process)
        try await waitForStop(of: client)
        try await observe(after: client)
        try await endCommand(of: client)
        try await replace(client, incarnation)
    }

    /// One that was killed may have got through, to the next transaction of its command, or gone on over another connection.
    private func endCommand(of client: Client) async throws {
        while case .before = client.position {
            runs[client.number]?.isRolledBack = true
            client.step(rollingBack: true)
            try await waitForStop(of: client)
        }
    }

    private func replace(_ client: Client, _ incarnation: Client.Incarnation) async throws {
        disturb()
        facts.lost.insert(incarnation.consumer)
        facts.living.remove(incarnation.consumer)
        if runs[client.number] != nil { try await letRetirePass(client); try await observe(after: client) }
        await incarnation.database.close()
        try await world.connect(client)
        if let incarnation = client.incarnation { facts.living.insert(incarnation.consumer) }
        try await resumeUnblocked()
    }

    private nonisolated func terminate(_ process: Int32) async throws {
        try await world.database.execute("SELECT pg_terminate_backend($1)", process)
        try await eventually("the process is gone", every: .milliseconds(1)) {
            try await world.database.execute("SELECT 1 FROM pg_stat_activity WHERE pid = $1", process) == 0
        }
    }

    /// An hour passes for what is scheduled or held and for what was sent once, unless somebody holds it just now.
    func makeScheduledDue() async throws {
        guard try await letLocksPass() else { return }
        note("an hour passes for what is scheduled")
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
        for sent in [Self.forgetSent, Self.forgetPublished] {
            let forgotten = try await world.database.query(sent) {
                "\(try $0[0, as: String.self]) \(try $0[1, as: String.self])"
            }
            facts.keys.subtract(forgotten)
            for name in forgotten { facts.requests[name] = nil }
        }
        snapshot = try await look()
    }

    private static let forgetSent = forget("mq.sent_keys", of: "queue", called: "queue::text")
    private static let forgetPublished = forget("mq.published_keys", of: "topic", called: "'\(World.topic.name.text)'")

    /// A name, and what it was used for, together: whoever looks at it holds the name.
    private static func forget(_ table: String, of owner: String, called name: String) -> Statement {
        Statement(
            """
            WITH free AS MATERIALIZED (
                SELECT \(owner) AS owner, key FROM \(table) WHERE expires_at > now() AND key NOT LIKE 'request %' FOR UPDATE SKIP LOCKED)
            UPDATE \(table) k SET expires_at = now() - interval '1 day' FROM free
            WHERE k.\(owner) = free.owner AND (k.key = free.key
                OR free.key LIKE 'name %' AND k.key LIKE 'request % ' || substr(free.key, 6))
            RETURNING \(name), k.key
            """)
    }

    /// An hour passes for leases with an end, unless somebody extends them or takes them away just now.
    func endLeases() async throws {
        guard try await letLocksPass() else { return }
        note("an hour passes for leases")
        disturb()
        try await world.database.execute(
            """
            UPDATE mq.claims c SET lease_until = now() - interval '1 second'
            FROM (SELECT queue, lane, last_seq FROM mq.claims WHERE lease_until > now() FOR UPDATE SKIP LOCKED) AS held
            WHERE (c.queue, c.lane, c.last_seq) = (held.queue, held.lane, held.last_seq)
            """)
        try await world.database.execute(
            """
            UPDATE mq.leases v SET lease_until = now() - interval '1 second'
            FROM (SELECT queue, lane, seq FROM mq.leases WHERE lease_until > now() FOR UPDATE SKIP LOCKED) AS held
            WHERE (v.queue, v.lane, v.seq) = (held.queue, held.lane, held.seq)
            """)
        try await endHalves()
        snapshot = try await look()
    }

    /// Some of what waits was sent two hours earlier than it was.
    func ageMessages() async throws {
        guard try await letLocksPass() else { return }
        note("some messages grow old")
        disturb()
        for (table, key) in [("mq.messages", "(queue, lane, seq)"), ("mq.scheduled", "ticket")] {
            try await world.database.execute(
                Statement(
                    """
                    UPDATE \(table) SET sent_at = sent_at - interval '2 hours' WHERE \(key) IN (
                        SELECT \(key.filter { !"()".contains($0) }) FROM \(table)
                        WHERE hashtext(id::text) % 2 = 0 AND headers ->> 'history' IS NULL FOR UPDATE SKIP LOCKED)
                    """))
        }
        snapshot = try await look()
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
