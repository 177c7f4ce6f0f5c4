import Postgres
import TestSupport
import Testing

@Suite("The pool bounds everything")
struct PoolTests {
    /// Keeps the only connection busy on an advisory lock that `body` holds.
    private func occupied(
        _ database: Database, _ body: (_ free: () async -> Void) async throws -> Void
    ) async throws {
        let holder = try await database.dedicatedConnection(named: "holder")
        try await holder.execute("SELECT pg_advisory_lock(1)")
        // To connect may take longer than a caller may wait.
        try await eventually("there is a connection") { (try? await database.execute("SELECT 1")) != nil }
        let call = Task { try await database.execute("SELECT pg_advisory_lock_shared(1)") }
        try await eventually("the only connection is busy") {
            try await holder.query(
                """
                SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT \
                oid FROM pg_database WHERE datname = current_database())
                """
            ) { _ in 1 } == [1]
        }
        try await body { await holder.close() }
        await holder.close()
        _ = try await call.value
    }

    private func waiting(_ count: Int, in database: Database) async throws {
        try await eventually("\(count) callers wait") { database.statistics.waiting == count }
    }

    @Test(
        "a pool of no connections says so at once, instead of letting callers wait in vain",
        arguments: [0, -1, Int.min])
    func noPlaces(limit: Int) async throws {
        try await Bench.with(limit: limit) { database async throws in
            let error = await failure { try await database.backend() }
            #expect(error?.kind == .misuse && error?.message == "connectionLimit is \(limit); it must be 1 or more")
        }
    }

    @Test("limits of any length bound a call without ending the process")
    func endlessLimits() async throws {
        for limit in [Duration.seconds(Int64.max), .seconds(1e20)] {
            try await Bench.with(limit: 1, waitLimit: limit) { database async throws in
                try await occupied(database) { free in
                    async let answer = database.query("SELECT 1", within: limit) { try $0[0, as: Int.self] }
                    try await eventually("a caller waits for the connection") { database.statistics.waiting == 1 }
                    await free()
                    #expect(try await answer == [1])
                }
            }
        }
    }

    @Test("however many call a pool, no more connections exist than allowed, and all are served")
    func bounded() async throws {
        try await Bench.with(limit: 3) { database async throws in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await database.query("SELECT $1 + 0 * count(*)::int8 FROM pg_sleep(0.001)", number) {
                            try $0[0, as: Int.self]
                        }.first ?? -1
                    }
                }
                var served: Set<Int> = []
                for try await number in group { served.insert(number) }
                #expect(served.count == 200)
            }
            #expect(database.statistics.open <= 3)
            #expect(
                try await database.number(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") <= 3)
        }
    }

    @Test("one waiter more than a pool allows is refused at once")
    func tooMany() async throws {
        try await Bench.with(limit: 1, waiters: 2) { database async throws in
            try await occupied(database) { free async throws in
                let waiters = (0..<2).map { _ in Task { try await database.execute("SELECT 1") } }
                try await waiting(2, in: database)
                #expect(await failure { try await database.execute("SELECT 1") }?.kind == .poolExhausted)
                await free()
                for waiter in waiters { #expect(try await waiter.value == 1) }
            }
        }
    }

    @Test("who waits too long for a connection is told so, and takes nobody's place")
    func waitLimit() async throws {
        try await Bench.with(limit: 1, waitLimit: .milliseconds(100)) { database async throws in
            try await occupied(database) { _ async throws in
                let error = await failure { try await database.execute("SELECT 1") }
                #expect(error?.kind == .poolExhausted && error?.isRetryable == true)
                let short = await failure {
                    try await database.execute("SELECT 1", within: .milliseconds(1))
                }
                #expect(short != nil)
                #expect(database.statistics.waiting == 0)
            }
            #expect(try await database.execute("SELECT 1") == 1)
        }
    }

    @Test("a waiter for a connection that is cancelled leaves the line at once, and the others are served")
    func cancelled() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await occupied(database) { free async throws in
                let waiters = (0..<3).map { _ in Task { try await database.execute("SELECT 1") } }
                try await waiting(3, in: database)
                waiters[1].cancel()
                await #expect(throws: CancellationError.self) { try await waiters[1].value }
                #expect(database.statistics.waiting == 2)
                await free()
                #expect(try await waiters[0].value == 1)
                #expect(try await waiters[2].value == 1)
            }
        }
    }

    @Test("of those who wait for a connection the first to come is the first to be served")
    func fairness() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let served = Tally<[Int]>([])
            try await occupied(database) { free async throws in
                var waiters: [Task<Void, any Error>] = []
                for number in 0..<10 {
                    waiters.append(
                        Task {
                            try await database.write { session in
                                try session.execute("SELECT 1")
                                served.change { $0.append(number) }
                            }
                        })
                    try await waiting(number + 1, in: database)
                }
                await free()
                for waiter in waiters { try await waiter.value }
            }
            #expect(served.value == Array(0..<10))
        }
    }

    @Test("closing a pool fails whoever waits and lets what runs finish")
    func closing() async throws {
        try await Bench.with(limit: 1) { database async throws in
            try await occupied(database) { free async throws in
                let waiter = Task { try await database.execute("SELECT 1") }
                try await waiting(1, in: database)
                await database.close()
                #expect(await failure { try await waiter.value }?.kind == .closed)
                await free()
            }
        }
    }

    @Test("random cancellation under load leaks no connection of a pool and no waiter")
    func churn() async throws {
        try await Bench.with(limit: 3) { database async throws in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    group.addTask {
                        let call = Task {
                            try await database.write { try $0.execute("SELECT pg_sleep(0.002)") }
                        }
                        if number.isMultiple(of: 3) { call.cancel() }
                        if number.isMultiple(of: 7) {
                            await Task.yield()
                            call.cancel()
                        }
                        _ = try? await call.value
                    }
                }
            }
            let statistics = database.statistics
            #expect(statistics.waiting == 0 && statistics.idle == statistics.open && statistics.open <= 3)
            #expect(try await database.execute("SELECT 1") == 1)
        }
    }
}
