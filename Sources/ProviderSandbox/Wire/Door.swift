import HostNames
import Launch
import NIOCore
import NIOPosix
import PortReservation

/// A provider's listening socket, which can be closed and opened again on the same port.
actor Door {
    typealias Server = @Sendable (Call, any Channel) async throws -> Reply

    /// `http://host:port`, the same for the process's whole life.
    nonisolated let address: String

    private let port: ReservedPort
    private var opened: Opened?

    private struct Opened {
        let listener: any Channel
        let accepting: AsyncStream<any Channel>.Continuation
        /// Ends when every connection has; `close()` awaits it.
        let serving: Task<Void, Never>
    }

    init(host: String, port: PortNumber) throws {
        self.port = try ReservedPort(host: host, port: Int(port.number))
        address = "http://" + HostName.authority(host, port: self.port.address.port ?? 0)
    }

    /// Listens when it returns; does nothing when open already.
    func open(to serve: @escaping Server) async throws {
        guard opened == nil else { return }
        let (accepted, accepting) = AsyncStream.makeStream(of: (any Channel).self)
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Nothing is read before the connection's task is there to take it.
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                if case .terminated = accepting.yield(channel) { channel.close(promise: nil) }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(to: port.address).get()
        opened = Opened(
            listener: listener, accepting: accepting, serving: Task { await Self.run(accepted, serve) })
    }

    /// Refuses connections and has cut the open ones when it returns.
    func close() async {
        guard let opened else { return }
        self.opened = nil
        // It fails only for a listener that is closed already.
        try? await opened.listener.close()
        opened.accepting.finish()
        await opened.serving.value
    }

    private static func run(_ accepted: AsyncStream<any Channel>, _ serve: @escaping Server) async {
        await withDiscardingTaskGroup { group in
            for await channel in accepted {
                group.addTask { await ClientConnection(channel: channel, serve: serve).run() }
            }
            group.cancelAll()
        }
    }
}
