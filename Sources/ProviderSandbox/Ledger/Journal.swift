import Foundation
import Synchronization

/// Appends lines to a file; those that come while it writes go together in the next write.
final class Journal<Line: Encodable & Sendable>: Sendable {
    private let file: AppendOnlyFile
    private let fsync: Bool
    private let state = Mutex(JournalState<Line>())
    /// Writing blocks, so it has a thread of its own instead of one of the concurrency pool's.
    private let writer = DispatchQueue(label: "ledger-writer")

    init(file: AppendOnlyFile, fsync: Bool) {
        self.file = file
        self.fsync = fsync
    }

    /// Takes a line and tells its position, to be waited for. The order of the calls is the order in the file.
    func append(_ line: Line) -> Int {
        state.withLock { $0.append(line) }
    }

    /// Returns when all lines up to the position have been written, and with `fsync`, have reached the disk.
    func written(upTo position: Int) async throws(LedgerError) {
        let result = await withCheckedContinuation { continuation in
            switch state.withLock({ $0.await(position, continuation) }) {
            case .answer(let result): continuation.resume(returning: result)
            case .startWriting: writer.async { self.writeGroups() }
            case .wait: break
            }
        }
        try result.get()
    }

    private func writeGroups() {
        while let group = state.withLock({ $0.nextGroup() }) {
            let result = Result { try write(group) }.mapError { LedgerError.failed("\($0)") }
            for waiter in state.withLock({ $0.finish(group.count, result) }) {
                waiter.continuation.resume(returning: result)
            }
        }
    }

    private func write(_ group: [Line]) throws {
        var text = Data()
        for line in group {
            text += try JSON.encode(line)
            text.append(UInt8(ascii: "\n"))
        }
        try file.append(text)
        if fsync { try file.synchronize() }
    }
}
