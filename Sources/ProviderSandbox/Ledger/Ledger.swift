import Foundation
import Logging
import Synchronization

/// A provider's memory: the book, the idempotency keys, and the file that both come back from.
final class Ledger<B: Book>: Sendable {
    private struct State {
        var book = B()
        var entries: [String: (entry: Entry<B>, position: Int)] = [:]
    }

    private let state: Mutex<State>
    private let journal: Journal<Entry<B>>

    /// Reads the file, which is made when missing.
    ///
    /// - Throws: `LedgerError` when a line in the middle cannot be read or another process has the file.
    init(_ url: URL, fsync: Bool, logger: Logger) throws {
        let file = try LedgerFile(url, logger: logger)
        var state = State()
        for (index, line) in file.lines.enumerated() {
            guard let entry = try? JSON.decode(Entry<B>.self, from: line) else {
                throw LedgerError.unreadable(path: url.path, line: index + 1)
            }
            state.book.enter(entry)
            state.entries[entry.key] = (entry, 0)
        }
        logger.info("ledger read", metadata: ["file": "\(url.path)", "entries": "\(state.entries.count)"])
        self.state = Mutex(state)
        journal = Journal(file: file.appending, fsync: fsync)
    }

    /// A copy of the book as it is now.
    var book: B { state.withLock { $0.book } }

    /// Decides a request, or finds what was decided for its key before; in the file when it returns.
    ///
    /// Guarantee: a key has one entry, ever, whatever comes at the same time.
    /// - Throws: `LedgerError.keyReused` when the key belongs to another request.
    func settle(_ request: B.Request, key: String) async throws(LedgerError) -> Entry<B> {
        let (entry, position) = try state.withLock { state throws(LedgerError) in
            if let known = state.entries[key] {
                guard known.entry.request == request else { throw .keyReused(key) }
                return known
            }
            let entry = Entry<B>(at: Date(), key: key, request: request, outcome: state.book.outcome(of: request))
            // The order of the journal's lines must be the order of the decisions.
            let settled = (entry: entry, position: journal.append(entry))
            state.book.enter(entry)
            state.entries[key] = settled
            return settled
        }
        try await journal.written(upTo: position)
        return entry
    }
}

enum LedgerError: Error, CustomStringConvertible {
    case keyReused(String)
    case unreadable(path: String, line: Int)
    case inUse(path: String)
    /// The file cannot be written; nothing will be answered any more, as it would not be remembered.
    case failed(String)

    var description: String {
        switch self {
        case .keyReused(let key): "the idempotency key \(key) was used for another request"
        case .unreadable(let path, let line): "\(path) cannot be read at line \(line)"
        case .inUse(let path): "\(path) is in use by another process"
        case .failed(let reason): "the ledger cannot be written: \(reason)"
        }
    }
}
