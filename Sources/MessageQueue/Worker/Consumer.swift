import Durations
import Foundation
import Postgres
import Synchronization

/// This process, as the engine sees it: one server session that listens, claims, and by holding a lock shows that it lives.
///
/// Behind a pooler there is no such session: it hears no ring, and shows by its heartbeat alone that it lives.
///
/// The connection is made again for ever. A consumer that comes back in time keeps its number and its messages; one that
/// was given up meanwhile gets a new number, and what it still holds is fenced off.
final class Consumer: Sendable {
    struct Presence: Sendable {
        let id: Int64
        let connection: Connection
        let isPooled: Bool
        /// Where it is known by this number.
        let origin: Origin
    }

    /// What it is known as, if it has not been given up since.
    private struct Identity {
        var current: (id: Int64, holdsLock: Bool)?
        /// Numbers that it gave up itself, and has yet to say so.
        var abandoned: [Int64] = []
        private var origin: Origin?

        /// Elsewhere these numbers are those of others.
        mutating func turn(to origin: Origin) {
            if self.origin != origin { self = Identity(origin: origin) }
        }
    }

    let name: String
    private let version: String
    let broker: Broker
    private let queues: [QueueName]
    private let journal: WorkerJournal
    private let gate = Gate<Presence>()
    private let identity = Mutex(Identity())
    /// The queues whose rings its connection hears.
    private let heard = Mutex<Set<Int32>>([])
    private let isLeaving = Atomic<Bool>(false)

    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(2)
    private static let longestFarewell = Duration.seconds(4)
    /// How long a pooled consumer may be silent until the others give it up.
    static let longestSilence = Duration.seconds(8)

    init(_ name: String, version: String, of broker: Broker, queues: [QueueName], journal: WorkerJournal) {
        self.name = name.storable(upTo: MessageLimits.nameBytes)
        self.version = version.storable(upTo: MessageLimits.nameBytes)
        self.broker = broker
        self.queues = queues
        self.journal = journal
    }

    /// Waits until there is a connection.
    func presence() async throws -> Presence {
        while true {
            let presence = try await gate.wait()
            if !presence.connection.isBroken { return presence }
            gate.close { $0.connection === presence.connection }
        }
    }

    /// Whether a pooler keeps the rings of other processes away.
    var isPooled: Bool { gate.current?.isPooled ?? false }

    /// Nobody need wait for a connection any longer: the worker stops.
    func stopWaiting() { gate.sendAway() }

    /// Keeps the connection up until the task is cancelled.
    func run() async {
        let pulse = broker.watchdog.pulse(of: "consumer")
        var pause = Self.firstPause
        while !isOver {
            pulse.beat(within: broker.longestCall * 3)
            do {
                let presence = try await appear()
                // From here on the heartbeat is the sign of life.
                pulse.rest()
                pause = Self.firstPause
                gate.open(presence)
                journal.record(.connected(consumer: presence.id))
                broker.doorbell.ringAllHere()
                try await listen(on: presence.connection)
                gate.close()
                if isOver { break }
                await leaveSilent(presence)
                journal.record(.disconnected(error: "the server hung up"))
            } catch {
                if isOver { break }
                journal.record(.disconnected(error: "\(error)"))
            }
            try? await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private var isOver: Bool { Task.isCancelled || isLeaving.load(ordering: .acquiring) }

    /// From now on the connection is not made again.
    func beginToLeave() -> Presence? {
        isLeaving.store(true, ordering: .releasing)
        return gate.current
    }

    /// Says goodbye, once `handOver` has put back what it still holds: messages that could not be finished in time.
    func leave(_ presence: Presence?, handOver: @escaping @Sendable (Int64) async throws -> Void) async {
        guard let presence else { return }
        gate.close()
        do {
            try await cancelled(after: Self.longestFarewell) {
                // In a schema that was made anew under this connection, the number is somebody else's.
                guard try await self.beat(presence.id, in: presence.origin, on: presence.connection) else { return }
                try await handOver(presence.id)
                try await presence.connection.execute(Broker.endConsumers, [presence.id])
            }
        } catch {
            // The others find the lock free, and do the same.
            journal.record(.disconnected(error: "could not say goodbye: \(error)"))
        }
        await presence.connection.close()
    }

    /// A line that fell silent did so to the server as well, which goes on holding the lock: nobody comes back to that number
    /// soon. And the pool's idle lines lie beside it.
    private func leaveSilent(_ presence: Presence) async {
        guard let moment = presence.connection.silentSince else { return }
        broker.database.leaveIdle(unansweredSince: moment)
        await beginAnew(after: presence)
    }

    /// Begins anew under another number, after a claim whose answer was lost: what it may have claimed is in nobody's
    /// hands here, and is rescued like that of a process which is gone.
    func beginAnew(after presence: Presence) async {
        identity.withLock { known in
            guard known.current?.id == presence.id else { return }
            known.current = nil
            known.abandoned.append(presence.id)
        }
        await presence.connection.close()
    }

    /// On the thread where rings come in and claims are made.
    private func listen(on connection: Connection) async throws {
        try await connection.host {
            for await event in connection.events {
                guard case .notification(let channel) = event, let queue = Int32(channel.dropFirst(3)) else { continue }
                broker.doorbell.ringHere(queue)
            }
        }
    }

    private func appear() async throws -> Presence {
        let connection = try await broker.database.dedicatedConnection(named: name)
        do {
            let isPooled = await connection.isPooled
            if !isPooled { try await connection.execute(Self.commitHere) }
            let origin = try await broker.origin(of: connection)
            identity.withLock { $0.turn(to: origin) }
            let known = try await resumed(on: connection, holdsLock: !isPooled, origin)
            let id = if let known { known } else { try await register(on: connection, holdsLock: !isPooled) }
            try await sayWhatIsAbandoned(on: connection)
            let entries = try await broker.entries(of: queues, on: connection)
            if !isPooled { try await connection.listen(to: entries.map { Doorbell.channel(of: $0.id) }) }
            heard.withLock { $0 = Set(entries.map(\.id)) }
            return Presence(id: id, connection: connection, isPooled: isPooled, origin: origin)
        } catch {
            await connection.close()
            throw error
        }
    }

    private func register(on connection: Connection, holdsLock: Bool) async throws -> Int64 {
        let lease = try await broker.entries(of: queues, on: connection).map(\.lease).min() ?? .seconds(30)
        let silence = holdsLock ? lease : min(lease, Self.longestSilence)
        let info = ProcessInfo.processInfo
        let ids = try await connection.query(
            Self.register, name, info.hostName, info.processIdentifier, version, silence.wholeMilliseconds,
            holdsLock
        ) { row in try row[0, as: Int64.self] }
        guard let id = ids.first else { throw PostgresError(.server, "the server has stored no consumer") }
        if holdsLock { try await connection.execute(Self.lock, id, within: .seconds(5)) }
        identity.withLock { $0.current = (id, holdsLock) }
        return id
    }

    /// Nil when there is nothing to resume: it has been given up meanwhile, or its old session still lingers.
    private func resumed(on connection: Connection, holdsLock: Bool, _ origin: Origin) async throws -> Int64? {
        guard let known = identity.withLock({ $0.current }) else { return nil }
        if known.holdsLock == holdsLock, try await isResumed(known.id, on: connection, holdsLock: holdsLock, origin) {
            return known.id
        }
        identity.withLock { $0.abandoned.append(known.id) }
        return nil
    }

    private func isResumed(
        _ id: Int64, on connection: Connection, holdsLock: Bool, _ origin: Origin
    ) async throws -> Bool {
        do {
            if holdsLock { try await connection.execute(Self.lock, id, within: .seconds(3)) }
        } catch let error as PostgresError where error.kind == .deadlineExceeded {
            return false
        }
        return try await beat(id, in: origin, on: connection)
    }

    /// What numbers hold that nobody has any more is abandoned, see ``Broker/findAbandoned``.
    private func sayWhatIsAbandoned(on connection: Connection) async throws {
        let abandoned = identity.withLock { $0.abandoned }
        guard !abandoned.isEmpty else { return }
        try await connection.execute(Broker.endConsumers, abandoned)
        identity.withLock { $0.abandoned.removeAll(where: abandoned.contains) }
    }

    /// Gives a sign of life, with the breakers that are open now.
    ///
    /// - Returns: false when nobody lives under this number any more, in this schema.
    private func beat(
        _ id: Int64, in origin: Origin, on connection: Connection, within limit: Duration? = nil
    ) async throws -> Bool {
        let breakers = try Payloads.encode(headers: journal.breakers.current)
        return try await connection.execute(Self.beat, id, origin.home, breakers, within: limit) == 1
    }

    func heartbeat() async throws {
        let presence = try await presence()
        if try await !beat(presence.id, in: presence.origin, on: presence.connection, within: .seconds(5)) {
            // Given up while alive, behind a long pause, or the schema was made anew: begin anew under another number.
            await beginAnew(after: presence)
        }
    }

    /// Listens to queues that were made anew since: their rings come by other channels.
    func hearAnew() async throws {
        guard let presence = gate.current, !presence.isPooled else { return }
        let known = Set(queues.compactMap { broker.catalogue.known($0)?.id })
        let new = heard.withLock { known.subtracting($0) }
        guard !new.isEmpty else { return }
        try await presence.connection.listen(to: new.map(Doorbell.channel(of:)))
        heard.withLock { $0.formUnion(new) }
        // What came before was not heard.
        broker.doorbell.ringAllHere()
    }

    /// Who handles what is nothing that anybody has been promised: such a commit waits for no standby, and one that is lost with
    /// the server is made again with the next. What is done with the messages is committed elsewhere, as the server is told to.
    static let commitHere: Statement = """
        SELECT set_config('synchronous_commit', 'local', false) WHERE current_setting('synchronous_commit') NOT IN ('off', 'local')
        """
    static let register: Statement = """
        INSERT INTO mq.consumers (name, host, pid, version, lease_ms, holds_lock) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
        """
    static let lock: Statement = "SELECT pg_advisory_lock(mq.lock_class(), $1::int)"
    static let beat: Statement = """
        UPDATE mq.consumers SET heartbeat_at = now(), breakers = $3::jsonb
        WHERE id = $1 AND ended_at IS NULL AND 'mq.queues'::regclass::oid::bigint = $2
        """
}
