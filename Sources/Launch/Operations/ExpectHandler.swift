import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Answers `Expect: 100-continue` with the interim answer that a client waits for before it sends its body (RFC 9110,
/// section 10.1.1); without it, curl waits a second. What else is expected nobody here knows, and 417 says so, once the
/// requests ahead have their answers.
///
/// Every body is let in here: whether it is too large or of the wrong kind, its route says.
final class ExpectHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Requests that have begun and have no answer yet. An interim answer must not get between theirs.
    private var unanswered = 0
    private var isExpected = false
    private var isRefusing = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // The body that may follow a refused head can't be told from a request.
        if isRefusing { return }
        if case .head(let request) = unwrapInboundIn(data) {
            unanswered += 1
            if let expectation = request.headerFields[.expect] {
                guard expectation.lowercased() == "100-continue" else { return refuse(in: context) }
                isExpected = true
                continueIfIdle(in: context)
            }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let isEnd = if case .end = unwrapOutboundIn(data) { true } else { false }
        context.write(data, promise: promise)
        guard isEnd else { return }
        unanswered -= 1
        continueIfIdle(in: context)
        refuseIfIdle(in: context)
    }

    private func continueIfIdle(in context: ChannelHandlerContext) {
        guard isExpected, unanswered == 1 else { return }
        isExpected = false
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
    }

    private func refuse(in context: ChannelHandlerContext) {
        isRefusing = true
        refuseIfIdle(in: context)
    }

    private func refuseIfIdle(in context: ChannelHandlerContext) {
        guard isRefusing, unanswered == 1 else { return }
        let answer = HTTPResponse(
            status: .expectationFailed, headerFields: [.contentLength: "0", .connection: "close"])
        context.write(wrapOutboundOut(.head(answer)), promise: nil)
        let written = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }
}
