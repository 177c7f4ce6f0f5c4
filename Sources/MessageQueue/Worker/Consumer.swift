import Foundation
package import Postgres
import Synchronization

/// This process, as the engine sees it: one server session that listens, claims, and by holding a lock shows that it lives.
///
/// The connection is made again for ever. A consumer that comes back in time keeps its number and its messages; one that
/// was given up meanwhile gets a new number, and what it still holds is fenced off.
final class Consumer: Sendable {
    struct Presence: Sendable {
        let id: Int64
        let connection: Connection
    }

    let name: String
    private let broker: Broker
    private let queues: [QueueName]
    private let journal: WorkerJournal
    private let gate = Gate<Presence>()
    private let id = Mutex<Int64?>(nil)
    private let isLeaving = Atomic<Bool>(false)

    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(2)

    init(_ name: String, of broker: Broker, queues: [QueueName], journal: WorkerJournal) {
        self.name = name
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

    /// Nobody need wait for a connection any longer: the worker stops.
    func stopWaiting() { gate.sendAway() }

    /// Keeps the connection up until the task is cancelled.
    func run() async {
        var pause = Self.firstPause
        while !isOver {
            journal.beat("consumer")
            do {
                let presence = try await appear()
                pause = Self.firstPause
                gate.open(presence)
                journal.record(.connected(consumer: presence.id))
                broker.doorbell.ringAllHere()
                await listen(on: presence.connection)
                gate.close()
                if isOver { break }
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

    /// Says goodbye, once `handOver` has put back what it still holds: messages that could not be finished in time.
    func leave(handOver: (Int64) async throws -> Void) async {
        isLeaving.store(true, ordering: .releasing)
        guard let presence = gate.current else { return }
        gate.close()
        do {
            try await handOver(presence.id)
            try await presence.connection.execute(Broker.endConsumers, [presence.id], within: .seconds(2))
        } catch {
            // The others find the lock free, and do the same.
            journal.record(.disconnected(error: "could not say goodbye: \(error)"))
        }
        await presence.connection.close()
    }

    /// Begins anew under another number, after a claim whose answer was lost: what it may have claimed is in nobody's
    /// hands here, and is rescued like that of a process which is gone.
    func beginAnew(after presence: Presence) async {
        id.withLock { if $0 == presence.id { $0 = nil } }
        await presence.connection.close()
    }

    private func listen(on connection: Connection) async {
        for await event in connection.events {
            guard case .notification(let channel) = event, let queue = Int32(channel.dropFirst(3)) else { continue }
            broker.doorbell.ringHere(queue)
        }
    }

    private func appear() async throws -> Presence {
        let connection = try await broker.database.dedicatedConnection(named: name)
        do {
            let id = try await identity(on: connection)
            self.id.withLock { $0 = id }
            let entries = try await broker.entries(of: queues, on: connection)
            try await connection.listen(to: entries.map { Doorbell.channel(of: $0.id) })
            return Presence(id: id, connection: connection)
        } catch {
            await connection.close()
            throw error
        }
    }

    private func identity(on connection: Connection) async throws -> Int64 {
        if let known = id.withLock({ $0 }), try await resume(known, on: connection) { return known }
        let entries = try await broker.entries(of: queues, on: connection)
        let lease = entries.map(\.lease).min() ?? .seconds(30)
        let info = ProcessInfo.processInfo
        let ids = try await connection.query(
            Self.register, name, info.hostName, info.processIdentifier, Self.version, Int32(lease.milliseconds)
        ) { row in try row[0, as: Int64.self] }
        guard let id = ids.first else { throw PostgresError(.misuse, "a consumer could not be registered") }
        try await connection.execute(Self.lock, id, within: .seconds(5))
        return id
    }

    /// False when it has been given up meanwhile, or its old session still lingers.
    private func resume(_ id: Int64, on connection: Connection) async throws -> Bool {
        do { try await connection.execute(Self.lock, id, within: .seconds(3)) } catch let error as PostgresError
            where error.kind == .deadlineExceeded
        { return false }
        return try await connection.execute(Self.beat, id) == 1
    }

    func heartbeat() async throws {
        let presence = try await presence()
        if try await presence.connection.execute(Self.beat, presence.id, within: .seconds(5)) == 0 {
            // Given up while alive, behind a long pause: begin anew under another number.
            await beginAnew(after: presence)
        }
    }

    /// Reported with the registration; the schema decides what fits together, not this.
    static let version = "1"

    static let register: Statement = """
        INSERT INTO mq.consumers (name, host, pid, version, lease_ms) VALUES ($1, $2, $3, $4, $5) RETURNING id
        """
    static let lock: Statement = "SELECT pg_advisory_lock(1836122112, $1::int)"
    static let beat: Statement = "UPDATE mq.consumers SET heartbeat_at = now() WHERE id = $1 AND ended_at IS NULL"
}

extension Broker {
    /// Looks queues up, with their present settings.
    package func entries(of queues: [QueueName], on database: some DatabaseAccess) async throws -> [Catalogue.Entry] {
        try await database.perform(isTransaction: false, within: nil) { session in
            try self.catalogue.load(in: session)
            return try queues.map { try self.catalogue.queue($0, in: session) }
        }
    }
}
