import Launch
import NIOCore
import NIOHTTP1
import NIOPosix

/// A provider's listening socket, which can be closed and opened again on the same port.
actor Door {
    typealias Server = @Sendable (Call, any Channel) async throws -> Reply

    /// `http://host:port`, the same for the process's whole life.
    nonisolated let address: String

    private let port: ReservedPort
    private var opened: (listener: Listener, serving: Task<Void, Never>)?

    private typealias Listener = NIOAsyncChannel<Connection.Channel, Never>

    init(host: String, port: PortNumber) throws {
        self.port = try ReservedPort(host: host, port: Int(port.number))
        address = "http://\(host):\(self.port.address.port ?? 0)"
    }

    /// Listens when it returns; does nothing when open already.
    func open(to serve: @escaping Server) async throws {
        guard opened == nil else { return }
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(to: port.address) { Connection.wrap($0) }
        // `close()` awaits this task.
        opened = (listener, Task { await Self.accept(from: listener, serve) })
    }

    /// Refuses connections and has cut the open ones when it returns.
    func close() async {
        guard let (listener, serving) = opened else { return }
        opened = nil
        listener.channel.close(promise: nil)
        await serving.value
    }

    private static func accept(from listener: Listener, _ serve: @escaping Server) async {
        // An error here is the end of the listening socket, which is what closing it means.
        try? await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                defer { group.cancelAll() }
                for try await channel in connections {
                    group.addTask { await Connection(channel: channel, serve: serve).run() }
                }
            }
        }
    }
}
