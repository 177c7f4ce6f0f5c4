import Postgres

/// Stores what tasks of this process send at the same time in one transaction, and tells each what became of its own.
///
/// Nobody waits for company: see ``GroupCommit``. Only sends that wait for no lock and are small go together, so that none
/// holds up the others.
struct SendTogether: Sendable {
    /// What one call sends.
    struct Sending: Sendable {
        let broker: Broker
        let queue: QueueName
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
                try await sendings[0].broker.writeLookingAgain(on: connection) { try Self.store(sendings, in: $0) }
            }
            do {
                try await commit(sendings)
                return sendings.map { _ in .success(()) }
            } catch  where sendings.count > 1 && Self.mayComeFromOne(error) {
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
        for (queue, sendings) in Dictionary(grouping: sendings, by: \.queue) {
            let broker = sendings[0].broker
            let entry = try broker.catalogue.queue(queue, in: session)
            try broker.send(sendings.flatMap { $0.messages }, to: entry, in: session)
        }
    }

    /// What the server says of a statement may come from one of the messages, and so may a queue that is gone; other trouble is
    /// everybody's own.
    private static func mayComeFromOne(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return error is QueueError }
        return error.kind == .server && !error.isConnectionTrouble
    }
}
