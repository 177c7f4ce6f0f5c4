import NIOCore
import NIOPosix
import PortReservation

/// A TCP proxy between a process and its peer, which spoils what passes as it is told.
///
/// - `cut`: open connections are reset (RST), new ones refused. The port stays the proxy's own.
/// - `halfOpen`: new connections are accepted but do not reach the target, open ones stay open, and neither bytes nor
///   closes come through. As in a network that was away, nothing is lost: at the end everything arrives that was sent, also
///   what was sent by somebody who has given up since, and then closes do. One thing is different: the kernel of this machine
///   acknowledges what it takes, so keep-alive probes go well. What notices such a line is a deadline.
/// - `silence`: as `halfOpen`, but for the connections that are there already, and for good; those made later are well. So does
///   a firewall that forgot its table.
/// - `delay`: each piece leaves so long after it came, and their order stays.
/// - `throttle`: all connections of the proxy share so many bytes a second in each direction.
///
/// Faults that are there at the same time add up, see ``LineCondition``; one that ends leaves the others.
///
/// Whatever waits here is at most a few hundred kilobytes a connection; beyond that its sender is made to wait. A target that is
/// away shows as a connection that is reset right after it was accepted.
///
/// Everything happens on one event loop, which is this actor's executor.
actor Proxy {
    enum Target: Sendable, Equatable {
        case unixSocket(path: String)
        case host(String, port: Int)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.executor.asUnownedSerialExecutor() }

    /// On 127.0.0.1; the same for the proxy's whole life.
    nonisolated let port: Int

    private nonisolated let loop: any EventLoop
    private let target: Target
    private let reserved: ReservedPort
    private let line = Line()
    private var faults: [NetworkFault] = []
    private var lastChange: Task<Void, any Error>?
    private var listener: (any Channel)?
    private var relays: [ObjectIdentifier: Relay] = [:]
    private var isClosed = false

    /// Listens when it returns. Must be told to ``close()``.
    init(to target: Target) async throws {
        self.target = target
        loop = MultiThreadedEventLoopGroup.singleton.next()
        reserved = try ReservedPort(host: "127.0.0.1", port: 0)
        port = reserved.address.port ?? 0
        try await listen()
    }

    /// Connections through the proxy that have not ended on both sides.
    var connectionCount: Int { relays.count }

    /// Bytes that have come from one side and not yet gone on to the other.
    var byteCount: Int { relays.values.reduce(0) { $0 + $1.byteCount } }

    /// Adds a fault to those that are there. It is in force when this returns.
    ///
    /// Does nothing once the proxy is closed, as ``end(_:)``.
    func begin(_ fault: NetworkFault) async throws {
        if fault == .silence {
            for relay in relays.values { relay.silence() }
            return
        }
        faults.append(fault)
        try await suffer()
    }

    /// Takes away one such fault, and leaves all others; does nothing when there is none.
    func end(_ fault: NetworkFault) async throws {
        guard let index = faults.firstIndex(of: fault) else { return }
        faults.remove(at: index)
        try await suffer()
    }

    /// Faults begin and end at the same time; a port is bound or closed by one of them after the other.
    private func suffer() async throws {
        line.condition = LineCondition(faults)
        let before = lastChange
        // Awaited below, by the next change, and by `close()`.
        let change = Task {
            _ = await before?.result
            try await bringIntoLine()
        }
        lastChange = change
        try await change.value
    }

    /// As the faults are by now: there may have been others since.
    private func bringIntoLine() async throws {
        guard !isClosed else { return }
        if line.condition.isCut {
            await stopListening()
            for relay in relays.values { relay.reset() }
        } else {
            try await listen()
            for relay in relays.values {
                connect(relay)
                relay.pump()
            }
        }
    }

    /// Closes the port and all connections, and returns when all of them are closed.
    func close() async {
        isClosed = true
        _ = await lastChange?.result
        await stopListening()
        for relay in relays.values {
            relay.client.close()
            relay.server.close()
        }
        await withCheckedContinuation { done in
            emptied = done
            tellIfEmptied()
        }
    }

    private var emptied: CheckedContinuation<Void, Never>?

    private func tellIfEmptied() {
        guard relays.isEmpty else { return }
        emptied?.resume()
        emptied = nil
    }

    // MARK: The client's side

    private func listen() async throws {
        guard listener == nil else { return }
        listener = try await ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // What can't be handed on is not read.
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture { try self?.assumeIsolated { try $0.accept(channel) } }
            }
            .bind(to: reserved.address).get()
    }

    private func stopListening() async {
        // Fails only for a listener that is closed already.
        try? await listener?.close()
        listener = nil
    }

    private func accept(_ channel: any Channel) throws {
        let relay = Relay(on: line)
        try add(channel, as: relay.client, of: relay)
        connect(relay)
    }

    // MARK: The target's side

    private func connect(_ relay: Relay) {
        guard relay.target == .notAsked, !line.condition.isHalfOpen else { return }
        relay.target = .asked
        let bootstrap = ClientBootstrap(group: loop).channelOption(.autoRead, value: false)
        let connecting =
            switch target {
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .host(let host, let port):
                bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
            }
        connecting.assumeIsolated().whenComplete { answer in self.join(relay, answer) }
    }

    private func join(_ relay: Relay, _ answer: Result<any Channel, any Error>) {
        relay.target = .answered
        do {
            try add(answer.get(), as: relay.server, of: relay)
            if isClosed || line.condition.isCut { relay.reset() } else { relay.join() }
        } catch {
            relay.reset()
            removeIfOver(relay)
        }
    }

    // MARK: Bookkeeping

    private func add(_ channel: any Channel, as end: RelayEnd, of relay: Relay) throws {
        try channel.pipeline.syncOperations.addHandler(end)
        relay.openEnds += 1
        relays[ObjectIdentifier(relay)] = relay
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            relay.openEnds -= 1
            self.removeIfOver(relay)
        }
    }

    private func removeIfOver(_ relay: Relay) {
        guard relay.openEnds == 0, relay.target != .asked else { return }
        relay.part()
        relays[ObjectIdentifier(relay)] = nil
        tellIfEmptied()
    }
}
