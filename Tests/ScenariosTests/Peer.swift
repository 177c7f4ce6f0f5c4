import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Scenarios

/// One side of a real connection, and all that has happened to it.
struct Peer: Sendable {
    struct Past: Sendable {
        var received: [UInt8] = []
        var hasEnded = false
        /// The system's number of the error that ended it.
        var failure: Int32?
    }

    let channel: any Channel
    private let past: Tally<Past>

    static func connect(to port: Int) async throws -> Peer {
        let past = Tally(Past())
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Recorder(past))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return Peer(channel: channel, past: past)
    }

    var now: Past { past.value }
    var text: String { String(decoding: now.received, as: UTF8.self) }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }

    /// Waits for as many bytes as there are in the text.
    func expect(_ text: String, _ location: SourceLocation = #_sourceLocation) async throws {
        try await eventually("'\(text)' arrives") { now.received.count >= text.utf8.count }
        #expect(self.text == text, sourceLocation: location)
    }

    func ended() async throws -> Past {
        try await eventually("the connection ends") { now.hasEnded }
        return now
    }
}

/// Writes down what comes.
private final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let past: Tally<Peer.Past>

    init(_ past: Tally<Peer.Past>) { self.past = past }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data).readableBytesView
        past.change { $0.received += bytes }
    }

    func channelInactive(context: ChannelHandlerContext) { past.change { $0.hasEnded = true } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        past.change { $0.failure = (error as? IOError)?.errnoCode }
        context.close(promise: nil)
    }
}

/// Answers with what it gets.
struct EchoServer: Sendable {
    struct Past: Sendable {
        var received: [UInt8] = []
        var opened = 0
        var ended = 0
    }

    private let past = Tally(Past())
    private let listener: any Channel

    enum Place { case unixSocket, tcp }

    /// Lends a server and a proxy before it; both are closed afterwards.
    static func with(_ place: Place = .unixSocket, _ body: (EchoServer, Proxy) async throws -> Void) async throws {
        let path = "/tmp/echo-\(UUID().uuidString.prefix(8))"
        let server = try await EchoServer(place, path)
        let port = server.listener.localAddress?.port ?? 0
        let proxy = try await Proxy(to: place == .tcp ? .host("127.0.0.1", port: port) : .unixSocket(path: path))
        do { try await body(server, proxy) } catch {
            await proxy.close()
            try await server.close()
            throw error
        }
        await proxy.close()
        #expect(await proxy.connectionCount == 0)
        try await server.close()
    }

    init(_ place: Place, _ path: String) async throws {
        let past = past
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Echo(past))
                }
            }
        listener =
            switch place {
            case .unixSocket: try await bootstrap.bind(unixDomainSocketPath: path).get()
            case .tcp: try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            }
    }

    var now: Past { past.value }
    func close() async throws { if listener.isActive { try await listener.close() } }
}

private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let past: Tally<EchoServer.Past>

    init(_ past: Tally<EchoServer.Past>) { self.past = past }

    func channelActive(context: ChannelHandlerContext) { past.change { $0.opened += 1 } }
    func channelInactive(context: ChannelHandlerContext) { past.change { $0.ended += 1 } }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        past.change { $0.received += bytes.readableBytesView }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
