import Benchmarks
import Foundation
import Postgres
import ShopProcesses

extension Member {
    private struct Note: Decodable { let pid: Int32 }

    /// Of the process that is running now, as its ready file tells it.
    func processNumber() throws -> Int32 {
        try JSONDecoder().decode(Note.self, from: try Data(contentsOf: URL(filePath: readyFile))).pid
    }
}

extension Database {
    /// Transactions of whomever in this database, our own aside.
    func transactionsASecond(over seconds: Double) async throws -> Double {
        // What the processes have done is told within a second.
        try await Task.sleep(for: .seconds(2))
        let (before, start) = (try await transactions(), ContinuousClock.now)
        try await Task.sleep(for: .seconds(seconds))
        return Double(try await transactions() - before - 1) / start.secondsUntilNow
    }

    private func transactions() async throws -> Int {
        try await read("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()") {
            try $0[0, as: Int.self]
        }.first ?? 0
    }
}
