import NIOCore
import NIOHTTP1

/// One client's connection: requests in turn, each answered once, twice or not at all.
struct Connection {
    private typealias Exchange = NIOAsyncChannel<NIOHTTPServerRequestFull, HTTPServerResponsePart>

    private static let longestBody = 64 * 1024

    let channel: any Channel
    let serve: Door.Server

    /// Serves until the client leaves, an answer is withheld, or the task is cancelled; then the connection is closed.
    func run() async {
        do {
            try await wrapped().executeThenClose { requests, answers in
                try await channel.setOption(.autoRead, value: true).get()
                for try await request in requests {
                    let parts = try await parts(for: request)
                    guard !parts.isEmpty else { return }
                    try await answers.write(contentsOf: parts)
                    guard request.head.isKeepAlive else { return }
                }
            }
        } catch {
            // A client that leaves in the middle is no event for a server; the connection is closed in any case.
            channel.close(promise: nil)
        }
    }

    private func parts(for request: NIOHTTPServerRequestFull) async throws -> [HTTPServerResponsePart] {
        switch try await serve(Call(request), channel) {
        case .none: return []
        case .once(let answer): return answer.parts(for: request.head)
        case .twice(let answer): return answer.parts(for: request.head) + answer.parts(for: request.head)
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
}
