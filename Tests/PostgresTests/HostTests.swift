import Foundation
import TestSupport
import Testing

@testable import Postgres

@Suite("A string of several hosts is walked through to the first that lets us in", .timeLimit(.minutes(5)))
struct HostTests {
    /// Ports of this machine first, and then the server itself.
    private static func conninfo(_ ports: [DeafPort], then database: Database, _ more: String = "") throws -> String {
        let server = try Conninfo(database.conninfo)
        let names = ports.map { _ in "127.0.0.1" } + [server["host"] ?? ""]
        let numbers = ports.map { "\($0.number)" } + [server["port"] ?? ""]
        return
            "\(database.conninfo) host='\(names.joined(separator: ","))' port=\(numbers.joined(separator: ",")) \(more)"
    }

    @Test("a host that accepts and says nothing, and one that refuses, are left for the one that answers")
    func silent() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let (mute, closed) = (try DeafPort(accepts: true), try DeafPort(accepts: false))
            var options = ConnectionOptions()
            options.connectTimeout = .seconds(6)
            let connection = try await Connection.open(
                Self.conninfo([mute, closed], then: database), options: options)
            #expect(try await connection.number("SELECT 1") == 1)
            #expect(mute.visitors() == 1)
            await connection.close()
        }
    }

    @Test("the host that was reached last comes first at the next connection, of the pool as of a dedicated one")
    func lastFirst() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let mute = try DeafPort(accepts: true)
            let pool = Database(try Self.conninfo([mute], then: database, "connect_timeout=4"))
            let backend = try await pool.backend()
            #expect(mute.visitors() == 1)
            try await database.execute("SELECT pg_terminate_backend($1)", backend)
            try await eventually("the pool has a new connection") { (try? await pool.backend()) ?? backend != backend }
            let dedicated = try await pool.dedicatedConnection(named: "dedicated")
            #expect(mute.visitors() == 0)
            await dedicated.close()
            await pool.close()
        }
    }

    @Test("connect_timeout of the string holds for each host, however long connecting may take otherwise")
    func connectTimeout() async throws {
        let ports = [try DeafPort(accepts: true), try DeafPort(accepts: true)]
        var options = ConnectionOptions()
        options.connectTimeout = .seconds(3600)
        let string = "host=127.0.0.1,127.0.0.1 port=\(ports[0].number),\(ports[1].number) connect_timeout=1"
        let error = await failure { try await Connection.open(string, options: options) }
        #expect(error?.kind == .connectionFailed)
        #expect(ports.map { $0.visitors() } == [1, 1])
    }

    @Test("a call that ends before a mute host's connect_timeout reaches the host behind it")
    func shortCall() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let mute = try DeafPort(accepts: true)
            let pool = Database(try Self.conninfo([mute], then: database, "connect_timeout=3600"))
            let ones = try await pool.query("SELECT 1", within: .seconds(6)) { try $0[0, as: Int.self] }
            #expect(ones == [1])
            #expect(mute.visitors() == 1)
            await pool.close()
        }
    }

    @Test("a connect_timeout of zero is no limit for a host, and connecting has one all the same")
    func endless() async throws {
        let mute = try DeafPort(accepts: true)
        var options = ConnectionOptions()
        options.connectTimeout = .seconds(1)
        let string = "host=127.0.0.1 port=\(mute.number) connect_timeout=0"
        #expect(await failure { try await Connection.open(string, options: options) }?.kind == .connectionFailed)
        try await Bench.with(limit: 1) { database async throws in
            for timeout in [0, -1] {
                let connection = try await Connection.open("\(database.conninfo) connect_timeout=\(timeout)")
                #expect(try await connection.number("SELECT 1") == 1)
                await connection.close()
            }
        }
    }

    @Test("a host without an address is passed over, and all failures are told when none is left")
    func noAddress() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let server = try Conninfo(database.conninfo)
            let string = "\(database.conninfo) host='no-such-host.invalid,\(server["host"] ?? "")' connect_timeout=5"
            let connection = try await Connection.open(string)
            #expect(try await connection.number("SELECT 1") == 1)
            await connection.close()
            let closed = try DeafPort(accepts: false)
            let error = await failure {
                try await Connection.open(
                    "host=no-such-host.invalid,127.0.0.1 port=5432,\(closed.number) connect_timeout=5")
            }
            #expect(error?.message.contains("no-such-host.invalid") == true)
            #expect(error?.message.contains("\(closed.number)") == true)
        }
    }

    @Test("what a server has to be is asked of each host, and a preference is given up when none has it")
    func role() async throws {
        try await Bench.with(limit: 1) { database async throws in
            let closed = try DeafPort(accepts: false)
            for (role, isReached) in [
                ("any", true), ("read-write", true), ("primary", true), ("prefer-standby", true), ("standby", false),
                ("read-only", false),
            ] {
                let string = try Self.conninfo([closed], then: database, "target_session_attrs=\(role)")
                let error = await failure {
                    let connection = try await Connection.open(string)
                    #expect(try await connection.number("SELECT 1") == 1)
                    await connection.close()
                }
                #expect(error?.kind == (isReached ? nil : .connectionFailed), "\(role): \(error?.message ?? "")")
            }
        }
    }

    @Test("lists of hosts, addresses and ports are read as libpq reads them")
    func lists() throws {
        func hosts(_ text: String) throws -> [HostSpec] { try Conninfo(text).hosts }
        #expect(try hosts("host=a,b port=1,2") == [HostSpec(name: "a", port: "1"), HostSpec(name: "b", port: "2")])
        #expect(try hosts("postgresql://a:1,b/shop") == [HostSpec(name: "a", port: "1"), HostSpec(name: "b")])
        #expect(try hosts("host=a,b port=7") == [HostSpec(name: "a", port: "7"), HostSpec(name: "b", port: "7")])
        #expect(
            try hosts("host=a, hostaddr=127.0.0.1,127.0.0.2 port=7").map(\.needsLookUp) == [false, false])
        #expect(try hosts("host=/tmp,@abstract,name port=7").map(\.needsLookUp) == [false, false, true])
    }

    @Test("each host not yet tried has its share of the time left to connect, unless the string gives each its own")
    func shares() {
        let start = ContinuousClock.now
        let time = ConnectTime(each: nil, end: start + .seconds(300))
        #expect(time.share(of: 3).deadline < start + .seconds(101) && time.share(of: 3).deadline > start + .seconds(99))
        #expect(time.share(of: 3).share(of: 2).deadline < start + .seconds(51))
        #expect(time.share(of: 1).deadline == time.end)
        let own = ConnectTime(each: .seconds(900), end: start + .seconds(300))
        #expect(own.share(of: 3).deadline >= start + .seconds(900))
        let called = ConnectTime(each: .seconds(900), end: start + .seconds(300), callEnd: start + .seconds(30))
        #expect(called.share(of: 3).deadline < start + .seconds(11))
        #expect(called.share(of: 1).deadline == start + .seconds(30))
    }
}
