import MessageQueue
import Postgres

/// An amount to be added to an account, in cents; negative ones are withdrawals.
struct Posting: Codable, Sendable {
    let account: String
    let amount: Int
}

/// Accounts, to which amounts are posted in the order in which they were sent.
struct Ledger: Sendable {
    static let postings = Queue<Posting>("ledger.postings")

    let database: Database
    let broker: Broker

    init(_ database: Database) {
        self.database = database
        self.broker = Broker(database)
    }

    /// In production one program does this, before the others start.
    func prepare() async throws {
        try await Migrator(.messageQueue, .ledger).run(on: database)
        // A posting that can't be made stops its account, and no other one, until somebody has looked at it.
        try await broker.declare(queue: Self.postings.name, QueueSettings(order: .blockOnFailure))
    }

    /// The key is what keeps the order: postings of one account are made one after the other.
    func send(_ amounts: [Int], to account: String) async throws {
        try await broker.send(
            amounts.map { Outgoing(Posting(account: account, amount: $0), key: account) }, to: Self.postings)
        await broker.flush()
    }
}

extension MigrationLine {
    static let ledger = MigrationLine(
        "ledger", schema: "ledger",
        [
            Migration(
                number: 1, name: "0001_ledger",
                sql: """
                    CREATE SCHEMA ledger;
                    CREATE TABLE ledger.accounts (
                        name     text PRIMARY KEY,
                        postings bigint NOT NULL DEFAULT 0,
                        balance  bigint NOT NULL DEFAULT 0 CHECK (balance >= 0)
                    );
                    CREATE TABLE ledger.postings (
                        account text REFERENCES ledger.accounts,
                        number  bigint,
                        amount  bigint NOT NULL,
                        balance bigint NOT NULL,
                        PRIMARY KEY (account, number)
                    );
                    """)
        ])
}
