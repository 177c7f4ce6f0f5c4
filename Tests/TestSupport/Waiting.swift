import Synchronization

/// So many at once; the others wait in a line.
public final class Places: Sendable {
    private struct State {
        var free: Int
        var line: [CheckedContinuation<Void, Never>] = []
    }
    private let state: Mutex<State>

    public init(_ count: Int) { state = Mutex(State(free: count)) }

    public func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.line.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    public func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.line.isEmpty {
                state.free += 1
                return nil
            }
            return state.line.removeFirst()
        }
        next?.resume()
    }
}

/// What several tasks write and a test reads.
public final class Tally<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    public init(_ value: Value) { state = Mutex(value) }
    public var value: Value { state.withLock { $0 } }
    public func change(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}

public struct NeverHappened: Error, CustomStringConvertible {
    public let description: String
    public init(description: String) { self.description = description }
}

/// Waits until a condition that only the server, or another process, knows holds: there is no signal to await.
public func eventually(
    _ what: String, within limit: Duration = .seconds(120), every pause: Duration = .milliseconds(20),
    _ holds: () async throws -> Bool
) async throws {
    try await eventually(what, within: limit, every: pause) { try await holds() ? () : nil }
}

/// Asks until there is an answer.
///
/// - Throws: ``NeverHappened`` after the limit.
@discardableResult
public func eventually<T>(
    _ what: String, within limit: Duration = .seconds(120), every pause: Duration = .milliseconds(20),
    _ ask: () async throws -> T?
) async throws -> T {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if let answer = try await ask() { return answer }
        try await Task.sleep(for: pause)
    }
    throw NeverHappened(description: "not within \(limit): \(what)")
}
