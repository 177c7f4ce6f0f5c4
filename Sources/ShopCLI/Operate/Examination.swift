import Foundation
import MessageQueue
import Postgres
import ShoeShop

/// What `shoeshop doctor` looks at.
struct Examination {
    let database: Database
    /// How long workers keep finished messages.
    let retention: Duration

    func findings() async throws -> [Finding] {
        let server = try await [
            server(), encoding(), schema(), durability(), commits(), connections(), pooler(), clock(),
        ]
        return try await hasQueues() ? server + queues() + consumers() + [upkeep(), log()] : server
    }

    /// A gateway's database has nothing else; without them there is nothing more to look at.
    private func hasQueues() async throws -> Bool {
        do {
            try await Migrator(.messageQueue).verify(on: database)
            return true
        } catch is Migrator.Problem {
            return false
        }
    }

    private func server() async throws -> Finding {
        let version = try await setting("server_version")
        let major = Int(version.prefix { $0.isNumber }) ?? 0
        return Finding("server", version, mend: major < 15 ? "Use PostgreSQL 15 or newer." : nil)
    }

    /// In another one, not all that a customer may write can be stored, or it comes back as something else.
    private func encoding() async throws -> Finding {
        let encoding = try await setting("server_encoding")
        return Finding(
            "encoding", encoding,
            mend: encoding == "UTF8" ? nil : "Make the database anew: ENCODING 'UTF8' TEMPLATE template0.")
    }

    private func schema() async throws -> Finding {
        do {
            try await Migrator.shop.verify(on: database)
            let versions = Migrator.shop.lines.map { "\($0.name) \($0.version)" }
            return Finding("schema", versions.joined(separator: ", "))
        } catch let problem as Migrator.Problem {
            return Finding(
                "schema", "\(problem)", mend: problem.isBehind ? "shoeshop migrate" : "Use the newest programs.")
        }
    }

    /// What is acknowledged must be on the disk.
    private func durability() async throws -> Finding {
        let names = ["fsync", "synchronous_commit", "full_page_writes"]
        var off: [String] = []
        for name in names where try await setting(name) == "off" { off.append(name) }
        return Finding(
            "durability", off.isEmpty ? "on" : "off: \(off.joined(separator: ", "))",
            mend: off.isEmpty ? nil : "Switch on, or a crash loses orders.")
    }

    /// Each of these keeps a server process, and the pool that it came from a place less.
    private func commits() async throws -> Finding {
        let waiting = try await number(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE wait_event = 'SyncRep' AND state_change < clock_timestamp() - interval '3 seconds'
            """)
        return Finding(
            "commits",
            waiting == 0 ? "none waits for a standby" : "\(CountText(waiting, "commit")) held up by a standby",
            mend: waiting == 0 ? nil : "Bring the standby back, or change synchronous_standby_names.")
    }

    private func connections() async throws -> Finding {
        let limit = Int(try await setting("max_connections")) ?? 0
        let open = try await number("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
        return Finding(
            "connections", "\(open) of \(limit)", mend: open * 10 > limit * 9 ? "Raise max_connections." : nil)
    }

    /// Behind a pooler in transaction mode nobody has a session: no doorbell is heard, and no lock tells who lives.
    private func pooler() async throws -> Finding {
        let connection = try await Connection.open(database.conninfo)
        let isPooled = await connection.isPooled
        await connection.close()
        guard isPooled else { return Finding("pooler", "none") }
        let listener = try await database.dedicatedConnection(named: "shoeshop doctor")
        let isDeaf = await listener.isPooled
        await listener.close()
        guard isDeaf else { return Finding("pooler", "one, and workers listen past it") }
        guard database.options.directConninfo == nil else {
            return Finding("pooler", "one, at both addresses", mend: "DIRECT_DATABASE_URL: the server's own address")
        }
        return Finding(
            "pooler",
            "one: wake-up takes up to 1 s, a crash is noticed within 13 s; DIRECT_DATABASE_URL mends both")
    }

    private func clock() async throws -> Finding {
        let before = Date()
        let server = try await database.query("SELECT clock_timestamp()") { try $0[0, as: Date.self] }.first ?? before
        let middle = before.addingTimeInterval(Date().timeIntervalSince(before) / 2)
        let difference = abs(server.timeIntervalSince(middle))
        return Finding(
            "clock", "\(Span(seconds: difference).text) from the database's",
            mend: difference > 5 ? "Synchronise the clocks (NTP); times in logs and traces disagree." : nil)
    }

    private func queues() async throws -> [Finding] {
        let statistics = try await Broker(database).statistics()
        let dead = statistics.reduce(0) { $0 + $1.dead }
        // Nobody comes: waiting for long, with nothing in flight.
        let stuck = statistics.filter { $0.inFlight == 0 && !$0.isPaused && ($0.oldestWaiting ?? 0) > 30 }
        return [
            Finding("dead letters", "\(dead)", mend: dead > 0 ? "shoeshop dead list, then redrive or purge" : nil),
            Finding(
                "queues",
                stuck.isEmpty ? "all move" : "nobody receives from \(stuck.map(\.queue.text).joined(separator: ", "))",
                mend: stuck.isEmpty ? nil : "Start the worker; look at its /health/ready."),
        ]
    }

    /// A consumer that lives but gives no sign: its loop is stuck, or its machine is gone and nobody noticed.
    private func consumers() async throws -> [Finding] {
        let consumers = try await Broker(database).consumers()
        let silent = consumers.filter { $0.silence > 60 }.map { "\($0.name) \($0.pid)" }
        return [
            Finding(
                "loops",
                silent.isEmpty
                    ? "\(CountText(consumers.count, "consumer")) alive" : "silent: \(silent.joined(separator: ", "))",
                mend: silent.isEmpty ? nil : "Restart these processes.")
        ]
    }

    private func upkeep() async throws -> Finding {
        let broker = Broker(database)
        let neglected = try await broker.neglectedChores().map { "\($0.name): \($0.error ?? "")" }
        guard neglected.isEmpty else {
            return Finding(
                "upkeep", "fails for an hour: \(neglected.joined(separator: "; "))",
                mend: "Often missing rights: shoeshop migrate --roles.")
        }
        let postponed = try await broker.postponedChores().map(\.name)
        guard postponed.isEmpty else {
            let holders = try await broker.lockHolders().map(\.told)
            return Finding(
                "upkeep",
                "waits for a lock for an hour: \(postponed.joined(separator: ", ")); held by "
                    + (holders.isEmpty ? "nobody any more" : holders.joined(separator: ", ")),
                mend: "Let the oldest of these end, or end it: pg_terminate_backend(PROCESS).")
        }
        return Finding("upkeep", "all well: \(CountText(try await broker.chores().count, "chore"))")
    }

    private func log() async throws -> Finding {
        let holders = try await Broker(database).segmentHolders(beyond: retention)
        guard let first = holders.first else { return Finding("log", "nothing stays for too long") }
        let names = holders.map(\.queue.text).joined(separator: ", ")
        return Finding(
            "log", "kept since \(first.sinceText) by \(names)",
            mend: "Have handled, redriven or purged what is not finished there: shoeshop queues show.")
    }

    private func setting(_ name: String) async throws -> String {
        try await database.query("SELECT current_setting($1)", name) { try $0[0, as: String.self] }.first ?? ""
    }

    private func number(_ statement: Statement) async throws -> Int {
        try await database.query(statement) { try $0[0, as: Int.self] }.first ?? 0
    }
}

extension LockHolder {
    fileprivate var told: String {
        let who = [process.map { "process \($0)" }, role.map { "role \($0)" }, heldFor.map { "for \(Int($0)) s" }]
        return "\(name.isEmpty ? "a session" : name) (\(who.compactMap(\.self).joined(separator: ", ")))"
    }
}
