#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the processors of this machine have done since it was started, in ticks of all of them together.
struct ProcessorTime: Sendable, Equatable {
    /// Without what gives way to us.
    let busy: UInt64
    let all: UInt64

    /// The share of the processors' time that was used between two readings; 1 when all of it was.
    func busyShare(since before: ProcessorTime) -> Double {
        guard all > before.all, busy >= before.busy else { return 0 }
        return Double(busy - before.busy) / Double(all - before.all)
    }
}

extension ProcessorTime {
    /// Nil on systems that don't tell it the way Linux does.
    static func now() -> ProcessorTime? {
        #if os(Linux)
            let file = open("/proc/stat", O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return nil }
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 512)
            let length = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
            return length > 0 ? ProcessorTime(statistics: String(decoding: bytes[..<length], as: UTF8.self)) : nil
        #else
            return nil
        #endif
    }

    /// The first line of `/proc/stat`: `cpu`, then ticks as user, nice, system, idle, waiting for a disk, and what others took. Ticks
    /// of guests stand in the first two as well.
    init?(statistics: String) {
        guard let line = statistics.split(separator: "\n").first else { return nil }
        let fields = line.split(separator: " ")
        let ticks = fields.dropFirst().prefix(8).compactMap { UInt64($0) }
        guard fields.first == "cpu", ticks.count >= 5 else { return nil }
        all = ticks.reduce(0, &+)
        busy = all - ticks[1] - ticks[3] - ticks[4]
    }
}
