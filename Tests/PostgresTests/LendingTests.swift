import Foundation
import Postgres
import TestSupport
import Testing

@Suite("A connection that is lent hosts the task that uses it")
struct LendingTests {
    /// A number of the thread that runs this.
    @Sendable private static func thread() -> UInt { UInt(pthread_self()) }

    @Test(
        "a lent connection hosts its task on its own thread and one backend, also after awaiting somebody else, and child tasks too"
    )
    func host() async throws {
        try await Bench.with(limit: 2) { database async throws in
            let threads = try await database.withConnection { connection in
                let backend = try await connection.backend()
                var threads = [Self.thread()]
                threads.append(try await connection.perform(isTransaction: true, within: nil) { _ in Self.thread() })
                for _ in 0..<50 {
                    let other = try await database.backend()
                    #expect(other != backend)
                    threads.append(Self.thread())
                    #expect(
                        try await connection.backend() == backend)
                }
                threads += await withTaskGroup(of: UInt.self) { group in
                    for _ in 0..<10 {
                        group.addTask {
                            await Task.yield()
                            return Self.thread()
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                return threads
            }
            #expect(Set(threads).count == 1)
            #expect(!threads.contains(Self.thread()))
        }
    }

    @Test("a lent connection goes back to the pool, whether the task returns or throws, with nothing of it left behind")
    func giveBack() async throws {
        try await Bench.with(.shoes, limit: 1) { database async throws in
            struct Stop: Error {}
            let backend = try await database.backend()
            for number in 1...20 {
                await #expect(throws: Stop.self) {
                    try await database.withConnection { connection in
                        try await connection.write { try $0.execute("INSERT INTO shoe VALUES ($1)", number) }
                        try await connection.write { session in
                            try session.execute("INSERT INTO shoe VALUES ($1)", -number)
                            throw Stop()
                        }
                    }
                }
                #expect(database.statistics.idle == 1)
            }
            #expect(try await database.backend() == backend)
            #expect(try await database.number("SELECT count(*) FROM shoe WHERE size > 0") == 20)
            #expect(try await database.number("SELECT count(*) FROM shoe WHERE size < 0") == 0)
        }
    }

    @Test("whoever waits for a lent connection gets it after its task, one after the other")
    func queueing() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            let backends = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await database.withConnection { connection in
                            _ = try await connection.execute("SELECT pg_sleep(0.001)")
                            return try await connection.backend()
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(backends == Array(repeating: backend, count: 20))
        }
    }

    @Test(
        "a task with a lent connection that is cancelled at any moment ends its statement, and the same backend serves on",
        .timeLimit(.minutes(10))
    )
    func cancellation() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            for round in 0..<60 {
                let (begun, begin) = AsyncStream.makeStream(of: Void.self)
                let work = Task {
                    try await database.withConnection { connection in
                        for number in 0... {
                            if number == round { begin.yield() }
                            let answer = try await connection.query("SELECT $1::int", Int32(number)) {
                                try $0[0, as: Int.self]
                            }
                            #expect(answer == [number])
                        }
                    }
                }
                for await _ in begun { break }
                for _ in 0..<round % 7 { await Task.yield() }
                work.cancel()
                #expect(await failure { try await work.value }?.kind == .cancelled)
            }
            #expect(try await database.backend() == backend)
        }
    }

    @Test("deadlines hold on a lent connection, which survives them")
    func deadlines() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            let after = try await database.withConnection { connection in
                for microseconds in stride(from: 0, to: 3000, by: 200) {
                    let error = await failure {
                        try await connection.execute("SELECT pg_sleep(60)", within: .microseconds(microseconds))
                    }
                    #expect(error?.kind == .deadlineExceeded)
                }
                return try await connection.backend()
            }
            #expect(after == backend)
        }
    }

    @Test("a backend that dies while its connection is lent fails what the task asks of it, and the pool heals")
    func death() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let backend = try await database.backend()
            let observer = try await database.dedicatedConnection(named: "observer")
            let error = await failure {
                try await database.withConnection { connection in
                    try await observer.execute("SELECT pg_terminate_backend($1)", backend)
                    while true { try await connection.execute("SELECT 1") }
                }
            }
            #expect(error?.kind == .outcomeUnknown || error?.kind == .connectionLost)
            #expect(try await database.backend() != backend)
            #expect(database.statistics.open == 1)
        }
    }
}
