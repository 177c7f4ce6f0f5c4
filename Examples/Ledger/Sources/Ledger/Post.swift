import MessageQueue
import Postgres

/// Posts amounts to accounts: a batch is read, decided and written as a whole, with three statements however large it is.
struct Post: Step {
    let queue = Ledger.postings

    func commit(_ batch: [Delivery<Posting>], in session: borrowing Session) throws {
        var accounts = try lock(Set(batch.map(\.payload.account)).sorted(), in: session)
        var posted: [(account: Account, amount: Int)] = []
        for posting in batch.map(\.payload) {
            var account = accounts[posting.account] ?? Account(name: posting.account, postings: 0, balance: 0)
            try account.post(posting.amount)
            accounts[posting.account] = account
            posted.append((account, posting.amount))
        }
        write(posted, Array(accounts.values), in: session)
    }

    private func lock(_ names: [String], in session: borrowing Session) throws -> [String: Account] {
        let lock: Statement = """
            SELECT name, postings, balance FROM ledger.accounts WHERE name = ANY ($1) ORDER BY name FOR UPDATE
            """
        let accounts = try session.query(lock, names) { row in
            Account(name: try row[0], postings: try row[1], balance: try row[2])
        }
        return Dictionary(uniqueKeysWithValues: accounts.map { ($0.name, $0) })
    }

    /// Costs no round trip of its own: both statements travel with the commit.
    private func write(
        _ posted: [(account: Account, amount: Int)], _ accounts: [Account], in session: borrowing Session
    ) {
        session.pipeline(
            """
            INSERT INTO ledger.accounts AS a (name, postings, balance)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
            ON CONFLICT (name) DO UPDATE SET postings = excluded.postings, balance = excluded.balance
            """, accounts.map(\.name), accounts.map(\.postings), accounts.map(\.balance))
        session.pipeline(
            """
            INSERT INTO ledger.postings (account, number, amount, balance)
            SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
            """, posted.map(\.account.name), posted.map(\.account.postings), posted.map(\.amount),
            posted.map(\.account.balance))
    }
}
