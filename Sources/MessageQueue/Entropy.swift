import Foundation
import Synchronization

/// The system's random numbers, some at once: to ask for each by itself costs more than the rest of a small message.
enum Entropy {
    private static let numbers = Mutex<[UInt64]>([])
    /// 256 bytes, the most that one call of `getentropy` gives (POSIX.1-2024).
    private static let most = 32

    /// Two numbers that nobody else has drawn.
    static func draw() -> (UInt64, UInt64) {
        numbers.withLock { numbers in
            if numbers.isEmpty { numbers = fetch() }
            return (numbers.removeLast(), numbers.removeLast())
        }
    }

    private static func fetch() -> [UInt64] {
        var numbers = [UInt64](repeating: 0, count: most)
        let status = numbers.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { getentropy($0, bytes.count) } ?? -1
        }
        return status == 0 ? numbers : numbers.map { _ in UInt64.random(in: .min ... .max) }
    }
}
