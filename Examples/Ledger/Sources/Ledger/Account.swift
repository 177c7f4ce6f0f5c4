import MessageQueue

/// What is decided about an account. Knows no database, so it can be tested by calling it.
struct Account: Sendable {
    let name: String
    private(set) var postings: Int
    private(set) var balance: Int

    init(name: String, postings: Int, balance: Int) {
        self.name = name
        self.postings = postings
        self.balance = balance
    }

    /// - Throws: ``Overdrawn``; then nothing has changed.
    mutating func post(_ amount: Int) throws {
        guard balance + amount >= 0 else { throw Overdrawn(balance: balance, amount: amount) }
        balance += amount
        postings += 1
    }
}

/// No repetition helps: an operator has to decide.
struct Overdrawn: StepFailure, CustomStringConvertible {
    let balance: Int
    let amount: Int
    var disposition: Disposition { .deadLetter(reason: "overdrawn") }
    var description: String { "a balance of \(balance) does not allow for \(amount)" }
}
