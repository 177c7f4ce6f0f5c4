import NIOCore
import NIOHTTP1

/// One client's connection: requests in turn, each answered once, twice, drop by drop or not at all.
struct ClientConnection {
    private typealias Exchange = NIOAsyncChannel<NIOHTTPServerRequestFull, HTTPServerResponsePart>
    private typealias Answers = NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

    private static let longestBody = 64 * 1024

    let channel: any Channel
    let serve: Door.Server

    /// Serves until the client leaves, an answer is withheld, or the task is cancelled; then the connection is closed.
    func run() async {
        do {
            try await wrapped().executeThenClose { requests, answers in
                try await channel.setOption(.autoRead, value: true).get()
                for try await request in requests {
                    guard try await isAnswered(request, by: answers), request.head.isKeepAlive else { return }
                }
            }
        } catch {
            // A client that leaves in the middle is no event for a server; the connection is closed in any case.
            channel.close(promise: nil)
        }
    }

    private func isAnswered(_ request: NIOHTTPServerRequestFull, by answers: Answers) async throws -> Bool {
        let head = request.head
        switch try await serve(Call(request), channel) {
        case .none: return false
        case .once(let answer): try await answers.write(contentsOf: answer.parts(for: head))
        case .twice(let answer): try await answers.write(contentsOf: answer.parts(for: head) + answer.parts(for: head))
        case .dripping(let answer, let time):
            try await answers.write(answer.head(for: head))
            try await drip(answer.body, over: time, into: answers)
            try await answers.write(.end(nil))
        }
        return true
    }

    private func drip(_ body: ByteBuffer, over time: Duration, into answers: Answers) async throws {
        let pause = time / max(body.readableBytes, 1)
        for byte in body.readableBytesView {
            try await Task.sleep(for: pause)
            try await answers.write(.body(.byteBuffer(ByteBuffer(bytes: [byte]))))
        }
    }

    /// Wrapped here and not while accepting: an async channel that nobody runs may not be dropped.
    private func wrapped() async throws -> Exchange {
        try await channel.eventLoop.submit { [channel] in
            let pipeline = channel.pipeline.syncOperations
            // Without pipelining assistance, which takes a second answer to one request for a bug.
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
            try pipeline.addHandler(NIOHTTPServerRequestAggregator(maxContentLength: Self.longestBody))
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
        }.get()
    }
}

/// What the client gets.
enum Reply {
    /// The connection is cut.
    case none
    case once(Answer)
    case twice(Answer)
    /// Each byte of the body on its own, the last one after this time.
    case dripping(Answer, over: Duration)
}
