import Postgres
import TestSupport
import Testing

@Suite("A ring is heard")
struct NotificationTests {
    private func listener(on database: Database) async throws -> Connection {
        let connection = try await database.dedicatedConnection(named: "listener")
        try await connection.listen(to: ["door", "odd \"name\""])
        return connection
    }

    @Test("a notification is heard by a connection that idles, again and again")
    func idle() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let connection = try await listener(on: database)
            var events = connection.events.makeAsyncIterator()
            for _ in 0..<20 {
                try await database.execute("SELECT pg_notify('door', '')")
                #expect(await events.next() == .notification("door"))
            }
            try await database.execute("SELECT pg_notify('odd \"name\"', '')")
            #expect(await events.next() == .notification("odd \"name\""))
            await connection.close()
        }
    }

    @Test("a notification is heard by a connection that is busy, with the end of what it does")
    func busy() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let connection = try await listener(on: database)
            let holder = try await database.dedicatedConnection(named: "holder")
            try await holder.execute("SELECT pg_advisory_lock(1)")
            let call = Task { try await connection.execute("SELECT pg_advisory_lock(1)") }
            try await eventually("it is busy") {
                try await database.number(
                    """
                    SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = \
                    current_database()
                    """
                ) == 1
            }
            try await database.execute("SELECT pg_notify('door', '')")
            await holder.close()
            _ = try await call.value
            var events = connection.events.makeAsyncIterator()
            #expect(await events.next() == .notification("door"))
            await connection.close()
        }
    }

    @Test("a notification is heard by the connection that sends it, in a transaction, only once that is committed")
    func own() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let connection = try await listener(on: database)
            var events = connection.events.makeAsyncIterator()
            struct Stop: Error {}
            await #expect(throws: Stop.self) {
                try await connection.write { session in
                    try session.execute("SELECT pg_notify('odd \"name\"', '')")
                    throw Stop()
                }
            }
            _ = try await connection.write { try $0.execute("SELECT pg_notify('door', '')") }
            #expect(await events.next() == .notification("door"))
            await connection.close()
            #expect(await events.next() == .closed)
            #expect(await events.next() == nil)
        }
    }
}
