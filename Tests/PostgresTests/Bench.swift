import Foundation
import Postgres
import Synchronization
import TestSupport

/// A database of the test's own, for a few tests at a time: all at once would exhaust the server's connections.
enum Bench {
    private static let places = Places(6)

    static func with<T: Sendable>(
        _ template: Template = .empty, limit: Int = 8, waiters: Int = 4096,
        waitLimit: Duration = .seconds(30),
        _ body: (Database) async throws -> T
    ) async throws -> T {
        await places.take()
        defer { places.giveBack() }
        var options = DatabaseOptions()
        options.connectionLimit = limit
        options.waiterLimit = waiters
        options.waitLimit = waitLimit
        return try await TestDatabase.with(template, options: options, body)
    }
}

/// So many at once; the others wait in a line.
final class Places: Sendable {
    private struct State {
        var free: Int
        var line: [CheckedContinuation<Void, Never>] = []
    }
    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    func take() async {
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

    func giveBack() {
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

struct NeverHappened: Error, CustomStringConvertible {
    let description: String
}

/// Waits until a condition that only the server knows holds; fails after the limit.
func eventually(
    _ what: String, within limit: Duration = .seconds(20), _ holds: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw NeverHappened(description: "never happened within \(limit): \(what)")
}

/// The error that `action` throws, or nil.
func failure<T>(of action: () async throws -> T) async -> PostgresError? {
    do {
        _ = try await action()
        return nil
    } catch { return error as? PostgresError }
}

extension Database {
    func one<T: PostgresDecodable & Sendable>(_ statement: Statement, as type: T.Type = T.self)
        async throws -> T
    {
        guard let value = try await query(statement, row: { try $0[0, as: T.self] }).first else {
            throw NeverHappened(description: "no row: \(statement.sql)")
        }
        return value
    }

    func number(_ statement: Statement) async throws -> Int { try await one(statement) }
    func holds(_ statement: Statement) async throws -> Bool { try await one(statement) }
    func backend() async throws -> Int32 { try await one("SELECT pg_backend_pid()") }
}

/// What several tasks write and a test reads.
final class Tally<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    init(_ value: Value) { state = Mutex(value) }
    var value: Value { state.withLock { $0 } }
    func change(_ body: (inout Value) -> Void) { state.withLock { body(&$0) } }
}
