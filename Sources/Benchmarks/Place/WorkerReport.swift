public import Foundation
import Synchronization

/// What a worker process tells the benchmark, a line each on its standard output.
public enum WorkerReport: Sendable, Equatable {
    /// It has its connection and listens.
    case ready
    /// The handling of a message began, at this reading of the machine's monotonic clock.
    case began(UUID, nanoseconds: UInt64)
    /// So many messages are handled and committed by now.
    case handled(Int)

    init?(line: String) {
        let words = line.split(separator: " ")
        switch words.first {
        case "ready": self = .ready
        case "began":
            guard words.count == 3, let id = UUID(uuidString: String(words[1])), let time = UInt64(words[2]) else {
                return nil
            }
            self = .began(id, nanoseconds: time)
        case "handled":
            guard words.count == 2, let total = Int(words[1]) else { return nil }
            self = .handled(total)
        default: return nil
        }
    }

    var line: String {
        switch self {
        case .ready: "ready"
        case .began(let id, let nanoseconds): "began \(id.uuidString) \(nanoseconds)"
        case .handled(let total): "handled \(total)"
        }
    }
}

/// The machine's monotonic clock, the same for all its processes.
enum Monotonic {
    static var nanoseconds: UInt64 { clock_gettime_nsec() }

    private static func clock_gettime_nsec() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Writes reports, whole lines at a time.
final class Reporter: Sendable {
    private struct State {
        var handled = 0
    }
    private let state = Mutex(State())

    func report(_ reports: [WorkerReport]) { state.withLock { _ in write(reports) } }

    func handled(_ count: Int) {
        state.withLock { state in
            state.handled += count
            write([.handled(state.handled)])
        }
    }

    private func write(_ reports: [WorkerReport]) {
        // Nobody reads any more: the benchmark is gone, and the death watch ends this process.
        try? FileHandle.standardOutput.write(contentsOf: Data(reports.map { $0.line + "\n" }.joined().utf8))
    }
}
