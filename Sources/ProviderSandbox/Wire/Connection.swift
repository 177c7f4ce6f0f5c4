import NIOCore
import NIOHTTP1

/// One client's connection: requests in turn, each answered once, twice or not at all.
struct Connection {
    typealias Channel = NIOAsyncChannel<NIOHTTPServerRequestFull, HTTPServerResponsePart>

    static let longestBody = 64 * 1024

    let channel: Channel
    let serve: Door.Server

    static func wrap(_ channel: any NIOCore.Channel) -> EventLoopFuture<Channel> {
        channel.eventLoop.makeCompletedFuture {
            // Without pipelining assistance, which takes a second answer to one request for a bug.
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(withPipeliningAssistance: false)
            try channel.pipeline.syncOperations.addHandler(
                NIOHTTPServerRequestAggregator(maxContentLength: longestBody))
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
        }
    }

    /// Serves until the client leaves, an answer is withheld, or the task is cancelled; then the connection is closed.
    func run() async {
        // A client that leaves in the middle is no event for a server.
        try? await channel.executeThenClose { requests, answers in
            for try await request in requests {
                switch try await serve(Call(request), channel.channel) {
                case .none:
                    return
                case .once(let answer):
                    try await answers.write(contentsOf: answer.parts(for: request.head))
                case .twice(let answer):
                    let parts = answer.parts(for: request.head)
                    try await answers.write(contentsOf: parts + parts)
                }
                guard request.head.isKeepAlive else { return }
            }
        }
    }
}

/// What the client gets.
enum Reply {
    /// The connection is cut.
    case none
    case once(Answer)
    case twice(Answer)
}
