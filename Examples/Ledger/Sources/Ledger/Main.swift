import Foundation
import MessageQueue
import Postgres

@main enum Main {
    static func main() async throws {
        let database = Database(ProcessInfo.processInfo.environment["DATABASE_URL"] ?? "postgresql:///example")
        let ledger = Ledger(database)
        try await ledger.prepare()
        let words = Array(CommandLine.arguments.dropFirst())
        switch (words.first, words.count) {
        case ("work", 1):
            try await Worker("ledger", broker: ledger.broker, steps: [Post()]).runService()
        case ("post", 3...):
            try await ledger.send(try words.dropFirst(2).map(amount), to: words[1])
        case ("blocked", 1):
            for key in try await ledger.broker.blockedKeys(of: Ledger.postings.name) where key.needsOperator {
                print("\(key.key): \(key.error ?? ""), with \(key.held) postings waiting")
            }
        case ("retry", 2):
            try await ledger.broker.retryBlocked(Ledger.postings.name, key: words[1])
        case ("skip", 2):
            try await ledger.broker.skipBlocked(Ledger.postings.name, key: words[1])
        default:
            throw Misuse()
        }
    }

    private static func amount(_ word: String) throws -> Int {
        guard let amount = Int(word), amount != 0 else { throw Misuse() }
        return amount
    }
}

struct Misuse: Error, CustomStringConvertible {
    let description = "ledger work | post ACCOUNT CENTS... | blocked | retry ACCOUNT | skip ACCOUNT"
}
