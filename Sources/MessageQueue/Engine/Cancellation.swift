import Postgres

/// Runs `action` to its end, whatever happens to the calling task meanwhile.
func uncancelled(_ action: @escaping @Sendable () async -> Void) async {
    // Awaited here: a new task, since cancellation must not tear a commit.
    await Task { await action() }.value
}

/// Who was cancelled is told so by Swift's own error, also when a statement was under way.
///
/// For calls that wait: their callers cancel them at any moment, and know of no statement, which is no failure.
/// - Throws: `CancellationError`, and what else `body` throws.
package func tellingCancellation<Value>(_ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch let error as PostgresError where error.kind == .cancelled {
        throw CancellationError()
    }
}
