import Foundation
import Postgres
import TestSupport
import Testing

@testable import Scenarios

extension DatabaseTroubleTests {
    @Test("network cut: calls are lost, then refused, and the pool goes on by itself when the line is mended")
    func cutNetwork() async throws {
        try await ServerUnderTest.withProxy { database, proxy in
            let call = Task { await failure { try await database.execute("SELECT pg_sleep(63)") } }
            try await eventually("it runs") { database.statistics.open == 1 }
            let trouble = NetworkTrouble([proxy], .cut)
            try await trouble.begin()
            #expect(await call.value?.isConnectionTrouble == true)
            #expect(await failure { try await database.insert(1) }?.kind == .connectionFailed)
            try await trouble.end()
            try await database.insert(2)
            #expect(try await database.sizes() == [2])
        }
    }

    @Test("network half open: open connections wait, new ones fail by their deadline, and nothing is lost in the end")
    func halfOpenNetwork() async throws {
        try await ServerUnderTest.withProxy(connectTimeout: .milliseconds(500)) { database, proxy in
            try await eventually("it is connected") { await failure { try await database.insert(1) } == nil }
            let trouble = NetworkTrouble([proxy], .halfOpen)
            try await trouble.begin()
            // It has the pool's only connection; the next call needs another.
            let call = Task { try await database.insert(2) }
            try await eventually("the connection is taken") { database.statistics.idle == 0 }
            let error = await failure { try await database.insert(3) }
            #expect(error?.kind == .connectionFailed && error?.message.contains("in time") == true)
            try await trouble.end()
            try await call.value
            #expect(try await database.sizes() == [1, 2])
        }
    }

    @Test("network half open: a call with a deadline ends, its connection is given up, and later calls make another")
    func deadlineOnHalfOpenNetwork() async throws {
        try await ServerUnderTest.withProxy { database, proxy in
            try await database.insert(1)
            let trouble = NetworkTrouble([proxy], .halfOpen)
            try await trouble.begin()
            let error = await failure {
                try await database.write(within: .seconds(1)) {
                    _ = try $0.execute("INSERT INTO shoe VALUES (2)")
                }
            }
            #expect(error?.isConnectionTrouble == true)
            #expect(database.statistics.open == 0)
            try await trouble.end()
            try await database.insert(3)
            // Whether the second came through, nobody was told.
            let sizes = try await database.sizes()
            #expect(sizes == [1, 3] || sizes == [1, 2, 3])
        }
    }

    @Test("network delay: each trip takes longer, and nothing fails")
    func delayedNetwork() async throws {
        try await ServerUnderTest.withProxy { database, proxy in
            try await database.insert(1)
            let trouble = NetworkTrouble([proxy], .delay(.milliseconds(60)))
            try await trouble.begin()
            let start = ContinuousClock.now
            try await database.insert(2)
            #expect(ContinuousClock.now - start >= .milliseconds(120))
            try await trouble.end()
            #expect(try await database.sizes() == [1, 2])
        }
    }

    @Test("network throttle: a large answer takes its time, and is whole")
    func throttledNetwork() async throws {
        try await ServerUnderTest.withProxy { database, proxy in
            try await database.insert(1)
            let trouble = NetworkTrouble([proxy], .throttle(200_000))
            try await trouble.begin()
            let start = ContinuousClock.now
            let text = try await database.query("SELECT repeat('shoe', 20000)") { try $0[0, as: String.self] }
            #expect(text == [String(repeating: "shoe", count: 20_000)])
            #expect(ContinuousClock.now - start >= .milliseconds(350))
            try await trouble.end()
        }
    }
}

extension ServerUnderTest {
    /// As ``with(_:)``, with the pool behind a proxy.
    fileprivate static func withProxy(
        connectTimeout: Duration? = nil, _ body: (Database, Proxy) async throws -> Void
    ) async throws {
        try await with { server, _ in
            let proxy = try await Proxy(to: server.socket)
            let database = database(of: server, through: proxy, connectTimeout: connectTimeout)
            try await body(database, proxy)
            await database.close()
            await proxy.close()
        }
    }
}
