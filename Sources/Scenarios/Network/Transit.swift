import NIOCore

/// What the faults of a line come to together.
///
/// One cut is enough for all to be cut, and one half-open line for nothing to pass. Delays add up, as on lines one behind the
/// other; of several rates the smallest holds. What is delayed and throttled waits for its time first, then for its share.
struct LineCondition: Equatable {
    private(set) var isCut = false
    private(set) var isHalfOpen = false
    private(set) var delay = Duration.zero
    /// Bytes a second; nil as many as come.
    private(set) var rate: Int?

    init(_ faults: [NetworkFault] = []) {
        for fault in faults {
            switch fault {
            case .cut: isCut = true
            case .halfOpen: isHalfOpen = true
            case .silence: break  // Not of the line, but of the connections that were there.
            case .delay(let more): delay += more
            case .throttle(let bytesPerSecond): rate = min(rate ?? .max, bytesPerSecond)
            }
        }
    }
}

/// What is on its way in one direction of a connection. Decides what may go on and when; moves nothing itself.
///
/// Faults are judged when something leaves, not when it comes, so that all goes on at once when a fault has ended.
struct Transit {
    /// What is to be done with the first piece.
    enum Action: Equatable {
        case pass(ByteBuffer)
        /// The sender has closed, and everything before that has been passed.
        case end
        case wait(until: NIODeadline)
        /// Until another piece comes, or the fault changes.
        case rest
    }

    private enum Content {
        case bytes(ByteBuffer), end
    }

    private var pieces: CircularBuffer<(content: Content, arrival: NIODeadline)> = []
    private(set) var byteCount = 0

    mutating func add(_ bytes: ByteBuffer, at now: NIODeadline) {
        byteCount += bytes.readableBytes
        pieces.append((.bytes(bytes), now))
    }

    mutating func end(at now: NIODeadline) { pieces.append((.end, now)) }

    mutating func next(at now: NIODeadline, under line: LineCondition, sharing bandwidth: inout Bandwidth) -> Action {
        guard let first = pieces.first, !line.isCut, !line.isHalfOpen else { return .rest }
        let due = first.arrival + TimeAmount(line.delay)
        if now < due { return .wait(until: due) }
        guard let rate = line.rate else { return take(atMost: .max) }
        if let free = bandwidth.isTaken(at: now) { return .wait(until: free) }
        let action = take(atMost: Bandwidth.portion(at: rate))
        if case .pass(let bytes) = action { bandwidth.take(bytes.readableBytes, of: rate, at: now) }
        return action
    }

    private mutating func take(atMost limit: Int) -> Action {
        guard let first = pieces.popFirst() else { return .rest }
        guard case .bytes(var bytes) = first.content else { return .end }
        guard bytes.readableBytes > limit, let part = bytes.readSlice(length: limit) else {
            byteCount -= bytes.readableBytes
            return .pass(bytes)
        }
        byteCount -= limit
        pieces.prepend((.bytes(bytes), first.arrival))
        return .pass(part)
    }
}

/// The throughput of one direction of a throttled line, shared by all of its connections.
struct Bandwidth {
    private var free = NIODeadline.uptimeNanoseconds(0)

    /// Until when, or nil when it is free.
    func isTaken(at now: NIODeadline) -> NIODeadline? { now < free ? free : nil }

    mutating func take(_ bytes: Int, of bytesPerSecond: Int, at now: NIODeadline) {
        free = max(free, now) + .nanoseconds(Int64(bytes) * 1_000_000_000 / Int64(max(1, bytesPerSecond)))
    }

    /// What passes at once: a twentieth of a second's worth, so that a throttled line flows and does not stutter.
    static func portion(at bytesPerSecond: Int) -> Int { max(1, min(bytesPerSecond / 20, 64 << 10)) }
}
