public import Postgres
import Synchronization

/// Runs around what steps do: for logging, tracing, timing, or a check that all steps share.
///
/// ```swift
/// struct SlowCalls: StepMiddleware {
///     let logger: Logger
///     func prepare<Prepared: Sendable>(
///         _ message: ReceivedMessage, next: @Sendable () async throws -> Prepared
///     ) async throws -> Prepared {
///         let start = ContinuousClock.now
///         defer { if .now - start > .seconds(1) { logger.notice("slow", metadata: message.logMetadata) } }
///         return try await next()
///     }
/// }
/// ```
/// Given to ``WorkerOptions/middleware``, the first one outermost: of `[A(), B()]`, A begins, then B, then the step; B ends
/// before A. The same order holds in `prepare` and in `commit`. Both have a default that only goes on.
///
/// A middleware may do something before and after, bind task-local values around `next`, throw instead of going on, and throw
/// another error: what comes out of the outermost one decides about the message, as if the step had thrown it. It must call
/// `next` exactly once unless it throws, and can change neither the message nor the outcome otherwise.
public protocol StepMiddleware: Sendable {
    /// Around ``PreparingStep/prepare(_:)``, once for each attempt that can be decoded; within ``StepOptions/limit``. A second call of
    /// `next` throws, and the attempt has failed, whatever is returned then.
    func prepare<Prepared: Sendable>(
        _ message: ReceivedMessage, next: @Sendable () async throws -> Prepared
    ) async throws -> Prepared

    /// Around ``Step/commit(_:in:)`` or ``PreparingStep/commit(_:in:)``, in the transaction and on its connection's thread.
    ///
    /// What it writes through `session` commits with the step's effects, or not at all. Comes again with parts of the batch when
    /// the commit of the whole failed, so nothing outside of the transaction may depend on it. A batch for which `next` was not
    /// called fails.
    func commit(
        _ batch: [ReceivedMessage], in session: borrowing Session, next: (borrowing Session) throws -> Void
    ) throws
}

extension StepMiddleware {
    /// Goes on.
    public func prepare<Prepared: Sendable>(
        _ message: ReceivedMessage, next: @Sendable () async throws -> Prepared
    ) async throws -> Prepared { try await next() }

    /// Goes on.
    public func commit(
        _ batch: [ReceivedMessage], in session: borrowing Session, next: (borrowing Session) throws -> Void
    ) throws { try next(session) }
}

/// The middleware of a worker, the outermost first.
struct MiddlewareChain: Sendable {
    private let links: ArraySlice<any StepMiddleware>

    init(_ links: some Sequence<any StepMiddleware>) { self.links = ArraySlice(links) }

    func prepare<Prepared: Sendable>(
        _ message: ReceivedMessage, _ step: @escaping @Sendable () async throws -> Prepared
    ) async throws -> Prepared {
        guard let first = links.first else { return try await step() }
        let rest = MiddlewareChain(links.dropFirst())
        let name = "\(type(of: first))"
        let calls = Atomic<Int>(0)
        // Not to go on at all leaves nothing to return: that can only throw.
        let prepared: Prepared = try await first.prepare(message) {
            let call = calls.add(1, ordering: .relaxed).newValue
            guard call == 1 else { throw MisbehavedMiddleware(name: name, calls: call) }
            return try await rest.prepare(message, step)
        }
        let count = calls.load(ordering: .relaxed)
        if count != 1 { throw MisbehavedMiddleware(name: name, calls: count) }
        return prepared
    }

    func commit(
        _ batch: [ReceivedMessage], in session: borrowing Session, _ step: (borrowing Session) throws -> Void
    ) throws {
        guard let first = links.first else { return try step(session) }
        let rest = MiddlewareChain(links.dropFirst())
        var calls = 0
        try first.commit(batch, in: session) { session in
            calls += 1
            if calls == 1 { try rest.commit(batch, in: session, step) }
        }
        if calls != 1 { throw MisbehavedMiddleware(name: "\(type(of: first))", calls: calls) }
    }
}

/// The effects of the step would be missing, or there twice, or somebody else called twice.
struct MisbehavedMiddleware: Error, CustomStringConvertible {
    let name: String
    let calls: Int
    var description: String { "the middleware \(name) went on \(calls) times, not once" }
}
