import Postgres

/// Stores what tasks of this process send at the same time in one transaction, and tells each what became of its own.
///
/// Nobody waits for company: see ``GroupCommit``. Only sends that wait for no lock and are small go together, so that none
/// holds up the others.
struct SendTogether: Sendable {
    /// What one call sends.
    struct Sending: Sendable {
        let broker: Broker
        let queue: Catalogue.Entry
        let messages: [Packed]
    }

    private let group: GroupCommit<Sending, Result<Void, any Error>>

    /// Beyond this a transaction of its own costs less than the wait for others.
    static let mostMessages = 32
    /// Beyond this, in bytes, others would wait for a message that is none of theirs.
    static let mostBytes = 1 << 20
    private static let mostSendings = 64

    init(on database: Database) {
        group = GroupCommit(limit: Self.mostSendings, lines: 2, on: database) { sendings, connection in
            @Sendable func commit(_ sendings: [Sending]) async throws {
                try await connection.write { try Self.store(sendings, in: $0) }
            }
            do {
                try await commit(sendings)
                return sendings.map { _ in .success(()) }
            } catch let error as PostgresError where sendings.count > 1 && error.isOfOneSending {
                var outcomes: [Result<Void, any Error>] = []
                for sending in sendings {
                    do { outcomes.append(.success(try await commit([sending]))) } catch {
                        outcomes.append(.failure(error))
                    }
                }
                return outcomes
            }
        }
    }

    /// Waits until the messages are stored.
    ///
    /// - Throws: what kept these messages from being stored, and never what only concerns others.
    func submit(_ sending: Sending) async throws { try await group.submitUnlessCancelled(sending).get() }

    /// The messages for a queue go into one lane, in one statement.
    private static func store(_ sendings: [Sending], in session: borrowing Session) throws {
        for sendings in Dictionary(grouping: sendings, by: { $0.queue.id }).values {
            try sendings[0].broker.send(sendings.flatMap { $0.messages }, to: sendings[0].queue, in: session)
        }
    }
}

extension PostgresError {
    /// What the server says of a statement may come from one of the messages; other trouble is everybody's own.
    fileprivate var isOfOneSending: Bool { kind == .server && !isConnectionTrouble }
}
