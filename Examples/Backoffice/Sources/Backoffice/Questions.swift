import Foundation
import MessageQueue
import Postgres

/// Something that a customer asked.
struct Question: Sendable {
    let id: Int64
    let sender: String
    let text: String
    let askedAt: Date
}

/// A mail that is owed to a customer.
struct Mail: Codable, Sendable {
    /// The question that it answers.
    let question: Int64
    let to: String
    let text: String
}

/// Questions, and the mails that follow from their answers.
struct Questions: Sendable {
    static let mails = Queue<Mail>("backoffice.mails")

    private let database: Database
    private let broker: Broker

    init(_ database: Database, _ broker: Broker) {
        self.database = database
        self.broker = broker
    }

    func ask(_ text: String, by sender: String) async throws {
        let insert: Statement = "INSERT INTO backoffice.questions (sender, question) VALUES ($1, $2)"
        try await database.write { session in _ = try session.execute(insert, sender, text) }
    }

    func unanswered() async throws -> [Question] {
        try await database.read(
            """
            SELECT id, sender, question, asked_at FROM backoffice.questions WHERE answer IS NULL ORDER BY id LIMIT 100
            """
        ) { row in Question(id: try row[0], sender: try row[1], text: try row[2], askedAt: try row[3]) }
    }

    /// The answer, the mail that is owed for it, and who gave it are stored together, or nothing is.
    ///
    /// - Returns: false when the question has an answer.
    func answer(_ id: Int64, _ text: String, by someone: Operator?) async throws -> Bool {
        try await database.write { session in
            let update: Statement = """
                UPDATE backoffice.questions SET answer = $2 WHERE id = $1 AND answer IS NULL RETURNING sender
                """
            let senders = try session.query(update, id, text) { row in try row[0, as: String.self] }
            guard let sender = senders.first else { return false }
            let mail = Mail(question: id, to: sender, text: text)
            try broker.send([Outgoing(mail, key: sender)], to: Self.mails, in: session)
            try broker.note("answer question", ["question": "\(id)"], by: someone, in: session)
            return true
        }
    }
}

extension MigrationLine {
    static let questions = MigrationLine(
        "backoffice", schema: "backoffice",
        [
            Migration(
                number: 1, name: "0001_backoffice",
                sql: """
                    CREATE SCHEMA backoffice;
                    CREATE TABLE backoffice.questions (
                        id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                        asked_at timestamptz NOT NULL DEFAULT now(),
                        mailed_at timestamptz,
                        sender   text NOT NULL,
                        question text NOT NULL,
                        answer   text
                    );
                    CREATE INDEX unanswered ON backoffice.questions (id) WHERE answer IS NULL;
                    """)
        ])
}
