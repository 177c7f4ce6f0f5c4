import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Hangs up on clients that hold a connection and move nothing over it: a request has to have come to its end in some time, and what
/// is written has to be taken in.
///
/// Without it, one that sends a body byte by byte, or never reads its answer, keeps its place for ever, and the route that answers it.
/// Connections that are merely quiet the server's idle timeout closes.
final class PatienceHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limit: TimeAmount
    private var request: Scheduled<Void>?
    private var answer: Scheduled<Void>?

    init(limit: TimeAmount) { self.limit = limit }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: request = request ?? deadline(in: context)
        case .body: break
        case .end:
            request?.cancel()
            request = nil
        }
        context.fireChannelRead(data)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            answer?.cancel()
            answer = nil
        } else {
            answer = answer ?? deadline(in: context)
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancel() }

    private func cancel() {
        request?.cancel()
        answer?.cancel()
    }

    private func deadline(in context: ChannelHandlerContext) -> Scheduled<Void> {
        let channel = context.channel
        return context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }
}
