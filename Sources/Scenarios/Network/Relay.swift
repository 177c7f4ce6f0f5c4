import NIOCore
import NIOPosix

/// What all connections of a proxy share: the network between its two sides. Belongs to the proxy's event loop.
final class Line {
    var condition = LineCondition()
    var toServer = Bandwidth()
    var toClient = Bandwidth()
}

/// A client's connection together with the one to the target. Belongs to the proxy's event loop.
final class Relay {
    let client: RelayEnd
    let server: RelayEnd
    /// Whether the target has been asked for its side, and has said yes or no.
    var target = Target.notAsked
    var openEnds = 0

    enum Target { case notAsked, asked, answered }

    /// Bytes that wait here, in both directions.
    var byteCount: Int { client.byteCount + server.byteCount }

    init(on line: Line) {
        client = RelayEnd(on: line, \.toServer)
        server = RelayEnd(on: line, \.toClient)
    }

    /// Both sides are there: bytes pass from now on.
    func join() {
        client.opposite = server
        server.opposite = client
        pump()
    }

    /// Moves what may move under the line's faults.
    func pump() {
        client.pump()
        server.pump()
    }

    func reset() {
        client.reset()
        server.reset()
    }

    /// Nothing moves any more, in either direction.
    func silence() {
        client.isSilenced = true
        server.isSilenced = true
    }

    /// Breaks the cycle between the ends of a connection that is over.
    func part() {
        client.opposite = nil
        server.opposite = nil
    }
}

/// One side of a relayed connection: reads from its socket, and hands what it read to the opposite side in due time.
final class RelayEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// No more is read before some of so much has gone on. The sender notices, as it would on a slow line.
    private static let limit = 256 << 10

    var opposite: RelayEnd?
    var isSilenced = false
    private let line: Line
    private let bandwidth: ReferenceWritableKeyPath<Line, Bandwidth>
    private var context: ChannelHandlerContext?
    private var transit = Transit()
    private var isReading = false
    private var alarm: Scheduled<Void>?

    var byteCount: Int { transit.byteCount }

    init(on line: Line, _ bandwidth: ReferenceWritableKeyPath<Line, Bandwidth>) {
        self.line = line
        self.bandwidth = bandwidth
    }

    /// Hands on what is due, and reads more when there is room for it.
    func pump() {
        alarm?.cancel()
        alarm = nil
        while let opposite, opposite.isWritable, !isSilenced {
            switch transit.next(at: .now(), under: line.condition, sharing: &line[keyPath: bandwidth]) {
            case .pass(let bytes): opposite.write(bytes)
            case .end: return opposite.finish()
            case .wait(let due): return wake(at: due)
            case .rest: return readOn()
            }
        }
    }

    /// Closes with RST; the other side of the socket sees its connection broken at once.
    func reset() {
        guard let context else { return }
        // No time to linger makes RST of the FIN. For a Unix socket it means nothing, and a failure shows as a mere FIN.
        let noTime = linger(l_onoff: 1, l_linger: 0)
        _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(noTime)
        context.close(promise: nil)
    }

    func close() { context?.close(promise: nil) }
}

// MARK: - Reading
extension RelayEnd {
    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) { readOn() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        transit.add(unwrapInboundIn(data), at: .now())
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        pump()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        transit.end(at: .now())
        pump()
    }

    /// A broken connection is one that has ended; nothing else can be told to the other side.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func readOn() {
        guard let context, context.channel.isActive, opposite != nil, !isReading, !isSilenced,
            !line.condition.isHalfOpen,
            transit.byteCount < Self.limit
        else { return }
        isReading = true
        context.read()
    }

    private func wake(at due: NIODeadline) {
        readOn()
        alarm = context?.eventLoop.assumeIsolated().scheduleTask(deadline: due) { [weak self] in self?.pump() }
    }
}

// MARK: - Writing
extension RelayEnd {
    func channelWritabilityChanged(context: ChannelHandlerContext) { opposite?.pump() }

    private var isWritable: Bool { context?.channel.isWritable ?? false }

    private func write(_ bytes: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }

    /// Closes once everything has been written: a close does not wait for that by itself.
    private func finish() {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { [weak self] _ in
            self?.close()
        }
    }
}
