import MessageQueue
import Postgres

/// A mail that is owed to somebody.
struct Welcome: Codable, Sendable {
    let email: String
    let name: String
}

/// Who signed up, and the mails that follow from it.
struct Signups: Sendable {
    static let welcomes = Queue<Welcome>("signups.welcomes")

    private let database: Database
    private let broker: Broker

    init(_ database: Database, _ broker: Broker) {
        self.database = database
        self.broker = broker
    }

    /// The outbox: the row and the mail that is owed for it are stored together, or neither is. Nobody waits for the mail.
    ///
    /// - Returns: false when the address has signed up before.
    func add(_ signup: Signup) async throws -> Bool {
        try await database.write { session in
            let insert: Statement = "INSERT INTO signups.signups (email, name) VALUES ($1, $2) ON CONFLICT DO NOTHING"
            guard try session.execute(insert, signup.email, signup.name) == 1 else { return false }
            let welcome = Welcome(email: signup.email, name: signup.name)
            try broker.send([Outgoing(welcome, key: signup.email)], to: Self.welcomes, in: session)
            return true
        }
    }

    func all() async throws -> [Signup] {
        try await database.read("SELECT email, name, welcomed_at::text FROM signups.signups ORDER BY email") { row in
            Signup(email: try row[0], name: try row[1], welcomedAt: try row[2])
        }
    }
}

extension MigrationLine {
    static let signups = MigrationLine(
        "signups", schema: "signups",
        [
            Migration(
                number: 1, name: "0001_signups",
                sql: """
                    CREATE SCHEMA signups;
                    CREATE TABLE signups.signups (
                        email       text PRIMARY KEY,
                        name        text NOT NULL,
                        welcomed_at timestamptz
                    );
                    """)
        ])
}
