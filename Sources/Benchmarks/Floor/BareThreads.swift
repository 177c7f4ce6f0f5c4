import Dispatch
import Foundation
import Synchronization

/// Plain threads with a bare connection each.
public enum BareThreads {
    /// Connects on `count` threads, lets all of them run `body` at the same moment, and answers the seconds until the
    /// last was done.
    ///
    /// - Parameters:
    ///   - prepare: what each does before the clock starts.
    ///   - body: gets the number of its thread.
    public static func run(
        _ count: Int, on conninfo: String,
        prepare: @escaping @Sendable (borrowing BareConnection) throws -> Void = { _ in },
        _ body: @escaping @Sendable (Int, borrowing BareConnection) throws -> Void
    ) async throws -> Double {
        let crew = Crew(count)
        return try await withCheckedThrowingContinuation { continuation in
            for number in 0..<count {
                Thread.detachNewThread {
                    crew.work(conninfo, prepare) { try body(number, $0) }
                    if let result = crew.leave() { continuation.resume(with: result) }
                }
            }
        }
    }

    /// Starts its threads together, and knows when the last is done.
    private final class Crew: Sendable {
        private struct State {
            var working: Int
            var begin: ContinuousClock.Instant?
            var failure: (any Error)?
        }

        private let state: Mutex<State>
        private let connecting = DispatchGroup()

        init(_ count: Int) {
            state = Mutex(State(working: count))
            for _ in 0..<count { connecting.enter() }
        }

        func work(
            _ conninfo: String, _ prepare: (borrowing BareConnection) throws -> Void,
            _ body: (borrowing BareConnection) throws -> Void
        ) {
            do {
                let connection = try connected(conninfo, prepare)
                connecting.wait()
                state.withLock { $0.begin = $0.begin ?? .now }
                try body(connection)
            } catch {
                state.withLock { $0.failure = error }
            }
        }

        private func connected(
            _ conninfo: String, _ prepare: (borrowing BareConnection) throws -> Void
        ) throws -> BareConnection {
            defer { connecting.leave() }
            let connection = try BareConnection(conninfo)
            try prepare(connection)
            return connection
        }

        /// The seconds that it took, for the last one that leaves.
        func leave() -> Result<Double, any Error>? {
            state.withLock { state in
                state.working -= 1
                guard state.working == 0 else { return nil }
                if let failure = state.failure { return .failure(failure) }
                return .success((state.begin ?? .now).secondsUntilNow)
            }
        }
    }
}

extension ContinuousClock.Instant {
    /// The seconds that have passed since.
    public var secondsUntilNow: Double { duration(to: .now) / .seconds(1) }
}
