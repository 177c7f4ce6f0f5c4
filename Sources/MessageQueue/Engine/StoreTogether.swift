import Postgres

/// Stores what tasks of this process send at the same time in one transaction, and tells each what became of its own.
///
/// Nobody waits for company: see ``GroupCommit``. Only calls that wait for no lock and are small go together, so that
/// none holds up the others.
struct StoreTogether<Call: Sendable>: Sendable {
    private let group: GroupCommit<Call, Result<Void, any Error>>

    private static var mostCalls: Int { 64 }

    /// - Parameter store: stores all of some calls in one transaction, or throws, and stores none.
    init(
        on database: Database, store: @escaping @Sendable ([Call], BorrowedConnection) async throws -> Void
    ) {
        group = GroupCommit(limit: Self.mostCalls, lines: 2, on: database) { calls, connection in
            do {
                try await store(calls, connection)
                return calls.map { _ in .success(()) }
            } catch  where calls.count > 1 && Self.mayComeFromOne(error) {
                var outcomes: [Result<Void, any Error>] = []
                for call in calls {
                    do { outcomes.append(.success(try await store([call], connection))) } catch {
                        outcomes.append(.failure(error))
                    }
                }
                return outcomes
            }
        }
    }

    /// Waits until it is stored.
    ///
    /// - Throws: what kept this call's messages from being stored, and never what only concerns others.
    func submit(_ call: Call) async throws { try await group.submitUnlessCancelled(call).get() }

    /// What the server says of a statement may come from one of the messages, and so may a queue or topic that is gone;
    /// other trouble is everybody's own.
    private static func mayComeFromOne(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return error is QueueError }
        return error.kind == .server && !error.isConnectionTrouble
    }
}

/// What one call may store together with others.
enum SharedCall {
    /// Beyond this a transaction of its own costs less than the wait for others.
    static let mostMessages = 32
    /// Beyond this, in bytes, others would wait for a message that is none of theirs.
    static let mostBytes = 1 << 20
}
