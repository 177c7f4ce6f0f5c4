import Foundation
import TestSupport
import Testing

@testable import Postgres

@Suite("The system looks for signs of life on a connection's line")
struct SignsOfLifeTests {
    /// What the system was told for a connection that is just being made.
    private struct Line: Equatable {
        var keepsAlive, idle, interval, count, unacknowledged: Int32

        init(_ options: String) throws {
            let port = try DeafPort(accepts: true)
            let conninfo = try Conninfo("host=127.0.0.1 port=\(port.number) dbname=none user=nobody \(options)")
            let parameters = conninfo.parameters(at: conninfo.hosts[0], as: nil, named: "test")
            guard let link = Link(connectingWith: parameters) else { throw NeverHappened(description: "out of memory") }
            let socket = link.socket
            func option(_ level: Int32, _ name: Int32) -> Int32 {
                var (value, size) = (Int32(-1), socklen_t(MemoryLayout<Int32>.size))
                return getsockopt(socket, level, name, &value, &size) == 0 ? value : -1
            }
            let tcp = Int32(IPPROTO_TCP)
            keepsAlive = option(SOL_SOCKET, SO_KEEPALIVE)
            (idle, interval, count) = (option(tcp, TCP_KEEPIDLE), option(tcp, TCP_KEEPINTVL), option(tcp, TCP_KEEPCNT))
            unacknowledged = option(tcp, TCP_USER_TIMEOUT)
        }
    }

    @Test("a line whose other end is gone is noticed within 15 s, whether something is on its way or nothing")
    func standard() throws {
        let line = try Line("")
        #expect(line.keepsAlive == 1)
        #expect((1...15).contains(line.idle + line.interval * line.count))
        #expect((1...15_000).contains(line.unacknowledged))
    }

    @Test("what a connection string says of keepalives holds")
    func given() throws {
        let line = try Line("keepalives_idle=40 keepalives_interval=7 keepalives_count=9 tcp_user_timeout=60000")
        #expect([line.idle, line.interval, line.count, line.unacknowledged] == [40, 7, 9, 60_000])
        #expect(try Line("keepalives=0").keepsAlive == 0)
    }
}
