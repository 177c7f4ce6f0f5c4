public import Hummingbird
public import NIOCore
import Synchronization

/// A request's context that knows the connection that the request came by. ``GatewayRequestContext`` is one; an app's own has to say it.
public protocol GatewayContext: RequestContext {
    /// The connection.
    var channel: any Channel { get }
}

/// The context of requests to a gateway that need no other.
public struct GatewayRequestContext: GatewayContext, RemoteAddressRequestContext {
    public var coreContext: CoreRequestContextStorage
    public let channel: any Channel
    /// Where the request came from; nil once the client has hung up.
    public var remoteAddress: SocketAddress? { channel.remoteAddress }

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// Whether the client at the other end of a connection is still there: its ``ConnectionGuard`` notices when it goes.
///
/// Requests of a connection are answered one after the other, so one at the most waits.
final class Presence: Sendable {
    private struct State {
        var isOver = false
        var waiting: CheckedContinuation<Void, Never>?

        mutating func takeWaiting() -> CheckedContinuation<Void, Never>? {
            defer { waiting = nil }
            return waiting
        }
    }

    private let state = Mutex(State())

    /// The client has gone.
    func end() {
        let waiting = state.withLock { state in
            state.isOver = true
            return state.takeWaiting()
        }
        waiting?.resume()
    }

    /// Until the client goes, or the task is cancelled.
    private func last() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    let isOver = state.isOver || Task.isCancelled
                    if !isOver { state.waiting = continuation }
                    return isOver
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.takeWaiting() }?.resume()
        }
    }

    /// Does something, unless the client goes meanwhile: then it is cancelled.
    ///
    /// - Throws: `CancellationError` when the client has gone, and what `body` throws.
    func during<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await self.last()
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else {
                group.cancelAll()
                // It may have been done in the very moment.
                if let late = try await group.next(), let value = late { return value }
                throw CancellationError()
            }
            return value
        }
    }
}

extension Channel {
    /// Keeps room for the answer that comes next on this connection, until the client has read it.
    func keep(_ hold: BodyBudget.Hold) async {
        try? await eventLoop.submit { [self] in
            try pipeline.syncOperations.handler(type: ConnectionGuard.self).hold = hold
        }.get()
    }

    /// That of the client at the other end; nil where no ``ConnectionGuard`` looks after the connection.
    var presence: Presence? {
        get async {
            try? await eventLoop.submit { [self] in
                try pipeline.syncOperations.handler(type: ConnectionGuard.self).presence
            }.get()
        }
    }
}
