import HTTPTypes
public import NIOCore
import NIOHTTP1
public import NIOHTTPTypes

/// Looks after one connection of the gateway's: gives a request's body a time to come in, answers what is no HTTP or has too many
/// headers, or expects what nobody here knows, with an error that clients can read, closes where an answer says so, tells a call that
/// waits when its client goes, and knows how long a large answer is on its way.
///
/// It stands after the decoder, in the pipeline of each connection: see ``QueueGateway``.
public final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart
    public typealias OutboundIn = HTTPResponsePart
    public typealias OutboundOut = HTTPResponsePart

    let presence = Presence()
    /// Room for the answer that comes next, when that is a large one.
    var hold: BodyBudget.Hold?
    private let bodyTime: TimeAmount
    private var deadline: Scheduled<Void>?
    private var isLast = false
    /// The request whose head came last.
    private var request: HTTPRequest?

    /// Makes one for one connection.
    ///
    /// - Parameter bodyTime: from a request's head to its end.
    public init(bodyTime: TimeAmount = .seconds(60)) { self.bodyTime = bodyTime }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            request = head
            if head.hasBody { startClock(context) }
        case .body: break
        case .end: stopClock()
        }
        context.fireChannelRead(data)
    }

    /// A client that sends no more has gone, though it could still be told something: so it looks when one is killed. While more than
    /// a few requests stand behind the one that waits nothing is read, and nobody is seen to go.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { presence.end() }
        context.fireUserInboundEventTriggered(event)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    public func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        stopClock()
        presence.end()
        hold = nil
    }

    private func startClock(_ context: ChannelHandlerContext) {
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.value.eventLoop.scheduleTask(in: bodyTime) {
            context.value.fireErrorCaught(RequestTooSlow())
        }
    }

    private func stopClock() {
        deadline?.cancel()
        deadline = nil
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        // No route says so: whoever sees to what is expected has refused the request, and has no words.
        case .head(let head) where head.status == .expectationFailed:
            isLast = true
            write(Tongue.answer(Self.unknownExpectation, behind: request), context, promise)
        case .head(let head):
            isLast = head.headerFields[.connection] == "close"
            context.write(data, promise: promise)
        case .body: write(body: data, context, promise)
        case .end:
            // Of an answer without a body, such as that to HEAD.
            hold = nil
            guard isLast else { return context.write(data, promise: promise) }
            let written = promise ?? context.eventLoop.makePromise(of: Void.self)
            context.writeAndFlush(data, promise: written)
            close(context, after: written)
        }
    }

    /// What is not written yet would be lost: a large answer takes as long as its client does.
    private func close(_ context: ChannelHandlerContext, after written: EventLoopPromise<Void>) {
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
    }

    /// Only the promise tells when the system has taken the last byte, or the connection was closed before. Whoever awaits the writing, as
    /// routes do, goes on once the answer is on its way here, and is held back no sooner than with the next one.
    private func write(body data: NIOAny, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        guard let hold = self.hold.take() else { return context.write(data, promise: promise) }
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in withExtendedLifetime(hold) {} }
        context.write(data, promise: written)
    }

    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        stopClock()
        isLast = true
        write(Tongue.answer(Self.unreadable, behind: request), context)
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
        // Before the connection is closed, which ends a body like its last byte: what has come of one is not all of it.
        context.fireErrorCaught(error)
        close(context, after: written)
    }

    /// Head and body, without the end.
    private func write(_ answer: Answer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>? = nil) {
        let head = HTTPResponse(status: answer.status, headerFields: answer.headers)
        context.write(wrapOutboundOut(.head(head)), promise: promise)
        context.write(wrapOutboundOut(.body(context.channel.allocator.buffer(bytes: answer.body))), promise: nil)
    }

    private static let unreadable = Refusal(
        .invalidArgument, "This is no HTTP request, or one with too much in its head.")
    private static let unknownExpectation = Refusal(
        .invalidArgument, "The header Expect asks for what is not known here; 100-continue is.")
}

/// A body did not come in time.
struct RequestTooSlow: Error {}

extension HTTPRequest {
    fileprivate var hasBody: Bool {
        headerFields[.transferEncoding] != nil || headerFields[.contentLength].map { $0 != "0" } ?? false
    }
}
