import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Scenarios

@Suite("A proxy", .timeLimit(.minutes(10)))
struct ProxyTests {
    /// Silence can't be awaited: it has to be listened to for a while.
    private static let silence = Duration.milliseconds(150)

    @Test("a proxy hands on megabytes in both directions, in order", arguments: [EchoServer.Place.unixSocket, .tcp])
    func passing(place: EchoServer.Place) async throws {
        try await EchoServer.with(place) { _, proxy in
            let peer = try await Peer.connect(to: proxy.port)
            let bytes = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
            try await peer.channel.writeAndFlush(ByteBuffer(bytes: bytes))
            try await eventually("all come back") { peer.now.received.count == bytes.count }
            #expect(peer.now.received == bytes)
        }
    }

    @Test("a proxy ends the other side's connection when one side closes, after the last byte")
    func closing() async throws {
        try await EchoServer.with { server, proxy in
            let peer = try await Peer.connect(to: proxy.port)
            try await peer.send("last words")
            try await peer.channel.close()
            try await eventually("the server sees the end") { server.now.ended == 1 }
            #expect(String(decoding: server.now.received, as: UTF8.self) == "last words")
            try await eventually("nothing is left") { await proxy.connectionCount == 0 }
        }
    }

    @Test(
        "a proxy that is cut resets connections and refuses new ones on a port that stays its own, until it is mended")
    func cut() async throws {
        try await EchoServer.with { server, proxy in
            let peers = try await open(20, proxy)
            try await proxy.begin(.cut)
            for peer in peers { #expect(try await peer.ended().failure == ECONNRESET) }
            #expect(await proxy.connectionCount == 0)
            for _ in 0..<3 { #expect(await refusal(proxy.port) == ECONNREFUSED) }
            try await eventually("the server has noticed") { server.now.ended == 20 }
            try await proxy.end(.cut)
            let peer = try await Peer.connect(to: proxy.port)
            try await peer.send("again")
            try await peer.expect("again")
        }
    }

    @Test(
        "a proxy that silences what is there keeps back what these connections carry for good, and lets new ones pass")
    func silence() async throws {
        try await EchoServer.with { server, proxy in
            let old = try await Peer.connect(to: proxy.port)
            try await old.send("before")
            try await old.expect("before")
            try await proxy.begin(.silence)
            try await old.send(" never")
            let new = try await Peer.connect(to: proxy.port)
            try await new.send("new")
            try await new.expect("new")
            // It is nothing that ends.
            try await proxy.end(.silence)
            try await Task.sleep(for: Self.silence)
            #expect(String(decoding: old.now.received, as: UTF8.self) == "before")
            #expect(String(decoding: server.now.received, as: UTF8.self) == "beforenew")
            #expect(server.now.ended == 0)
        }
    }

    @Test("a proxy that is half open keeps everything back, closes too, and loses nothing")
    func halfOpen() async throws {
        try await EchoServer.with { server, proxy in
            let (old, leaving) = (try await Peer.connect(to: proxy.port), try await Peer.connect(to: proxy.port))
            for peer in [old, leaving] {
                try await peer.send("before ")
                try await peer.expect("before ")
            }
            try await proxy.begin(.halfOpen)
            let new = try await Peer.connect(to: proxy.port)
            try await new.send("new")
            try await old.send("meanwhile")
            try await leaving.send("farewell")
            try await leaving.channel.close()
            try await Task.sleep(for: Self.silence)
            #expect(server.now.received.count == 14 && server.now.opened == 2 && server.now.ended == 0)
            #expect(!old.now.hasEnded && !new.now.hasEnded && new.now.received.isEmpty)
            try await proxy.end(.halfOpen)
            try await old.expect("before meanwhile")
            try await new.expect("new")
            try await eventually("the close arrives, after the bytes") { server.now.ended == 1 }
            #expect(String(decoding: server.now.received, as: UTF8.self).contains("farewell"))
        }
    }

    @Test("a proxy that delays keeps the order, and lets pieces travel side by side")
    func delay() async throws {
        try await EchoServer.with { _, proxy in
            let peer = try await Peer.connect(to: proxy.port)
            try await proxy.begin(.delay(.seconds(3600)))
            for number in 0..<10 {
                try await peer.send("\(number)")
                // None waits for the one before it.
                try await eventually("it is on its way") { await proxy.byteCount == number + 1 }
            }
            #expect(peer.now.received.isEmpty)
            try await proxy.begin(.delay(.milliseconds(300)))
            try await proxy.end(.delay(.seconds(3600)))
            let start = ContinuousClock.now
            try await peer.send("!")
            try await peer.expect("0123456789!")
            #expect(ContinuousClock.now - start >= .milliseconds(600), "there and back is two delays")
            #expect(await proxy.byteCount == 0)
        }
    }

    @Test("a proxy lets go at once of what it delayed, when it is mended")
    func mended() async throws {
        try await EchoServer.with { _, proxy in
            let peer = try await Peer.connect(to: proxy.port)
            try await proxy.begin(.delay(.seconds(3600)))
            try await peer.send("late")
            try await eventually("it waits in the proxy") { await proxy.byteCount == 4 }
            try await proxy.end(.delay(.seconds(3600)))
            try await peer.expect("late")
        }
    }

    @Test("a proxy that throttles gives so many bytes a second to all connections together")
    func throttle() async throws {
        try await EchoServer.with { _, proxy in
            let peers = try await open(4, proxy)
            try await proxy.begin(.throttle(100_000))
            let text = String(repeating: "x", count: 10_000)
            let start = ContinuousClock.now
            for peer in peers { try await peer.send(text) }
            for peer in peers { try await peer.expect("o" + text) }
            #expect(ContinuousClock.now - start > .milliseconds(350), "40 kB at 100 kB/s")
        }
    }

    @Test(
        "a proxy that throttles makes the sender wait, and does not store what it can't pass on",
        arguments: [true, false])
    func backPressure(isThrottled: Bool) async throws {
        try await EchoServer.with { server, proxy in
            let peer = try await Peer.connect(to: proxy.port)
            if isThrottled { try await proxy.begin(.throttle(1000)) }
            let written = Tally(0)
            let block = ByteBuffer(repeating: 7, count: 1 << 20)
            for _ in 0..<32 {
                peer.channel.writeAndFlush(block).whenSuccess { written.change { $0 += 1 << 20 } }
            }
            guard isThrottled else {
                return try await eventually("all of it passes") { server.now.received.count == 32 << 20 }
            }
            try await eventually("something comes") { server.now.received.count > 0 }
            try await Task.sleep(for: Self.silence)
            // What the kernel's buffers take, but not all.
            #expect(written.value < 24 << 20)
        }
    }

    @Test("a proxy suffers several faults at once: the end of one leaves the others, and a cut is stronger than all")
    func severalFaults() async throws {
        try await EchoServer.with { server, proxy in
            let peer = try await Peer.connect(to: proxy.port)
            let (late, slow) = (NetworkFault.delay(.seconds(3600)), NetworkFault.throttle(100_000))
            try await proxy.begin(late)
            try await proxy.begin(slow)
            let text = String(repeating: "x", count: 20_000)
            try await peer.send(text)
            try await eventually("it is delayed") { await proxy.byteCount == text.count }
            let start = ContinuousClock.now
            try await proxy.end(late)
            try await peer.expect(text)
            #expect(ContinuousClock.now - start > .milliseconds(140), "20 kB at 100 kB/s")
            try await proxy.begin(.cut)
            try await proxy.end(slow)
            #expect(try await peer.ended().failure == ECONNRESET)
            #expect(await refusal(proxy.port) == ECONNREFUSED)
            try await proxy.begin(.cut)
            try await proxy.end(.cut)
            #expect(await refusal(proxy.port) == ECONNREFUSED, "it was cut twice")
            try await proxy.end(.cut)
            let other = try await Peer.connect(to: proxy.port)
            try await other.send("again")
            try await other.expect("again")
        }
    }

    @Test("a proxy serves hundreds of connections at once, and none is left when it has closed")
    func many() async throws {
        try await EchoServer.with { server, proxy in
            let peers = try await open(300, proxy)
            #expect(await proxy.connectionCount == 300)
            await proxy.close()
            for peer in peers { _ = try await peer.ended() }
            try await eventually("the server has none left either") { server.now.ended == 300 }
            #expect(await refusal(proxy.port) == ECONNREFUSED)
        }
    }

    @Test("a proxy resets connections while its target is away, and goes on when that is back")
    func targetAway() async throws {
        let path = "/tmp/echo-\(UUID().uuidString.prefix(8))"
        let proxy = try await Proxy(to: .unixSocket(path: path))
        for _ in 0..<3 { #expect(await refusal(proxy.port) == ECONNRESET) }
        try await eventually("nothing is left") { await proxy.connectionCount == 0 }
        let server = try await EchoServer(.unixSocket, path)
        let peer = try await Peer.connect(to: proxy.port)
        try await peer.send("back")
        try await peer.expect("back")
        await proxy.close()
        try await server.close()
    }

    /// Connections that have passed a byte.
    private func open(_ count: Int, _ proxy: Proxy) async throws -> [Peer] {
        var peers: [Peer] = []
        for _ in 0..<count { peers.append(try await Peer.connect(to: proxy.port)) }
        for peer in peers { try await peer.send("o") }
        for peer in peers { try await peer.expect("o") }
        return peers
    }

    /// Why no connection could be made, or why it ended right after.
    private func refusal(_ port: Int) async -> Int32? {
        do {
            return try await Peer.connect(to: port).ended().failure
        } catch {
            let failure = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
            return (failure as? IOError)?.errnoCode
        }
    }
}
