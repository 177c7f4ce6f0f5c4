import Tracing

/// Which span of which trace something is (W3C Trace Context, section 3.2.2).
struct SpanIdentity: Sendable, Equatable {
    let trace: TraceNumber
    let span: UInt64
    /// Whether the trace is recorded: decided where it begins, and told along.
    let isSampled: Bool
    /// What vendors of other systems let travel along.
    var state: String?

    struct TraceNumber: Sendable, Equatable {
        let high: UInt64
        let low: UInt64
    }

    /// A span of its own trace, or of the one that a parent belongs to.
    init(below parent: SpanIdentity?, share: Double) {
        if let parent {
            (trace, isSampled, state) = (parent.trace, parent.isSampled, parent.state)
        } else {
            trace = TraceNumber(high: .random(in: 1 ... .max), low: .random(in: 1 ... .max))
            isSampled = share >= 1 || Double.random(in: 0..<1) < share
        }
        span = .random(in: 1 ... .max)
    }

    /// From the header `traceparent`; nil for one that is malformed, as if there were none.
    init?(header: String, state: String?) {
        let parts = header.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].count == 2, parts[0] != "ff", parts[1].count == 32, parts[2].count == 16,
            parts[3].count == 2, let high = UInt64(parts[1].prefix(16), radix: 16),
            let low = UInt64(parts[1].suffix(16), radix: 16), let span = UInt64(parts[2], radix: 16),
            let flags = UInt8(parts[3], radix: 16), high != 0 || low != 0, span != 0
        else { return nil }
        (trace, self.span, self.state) = (TraceNumber(high: high, low: low), span, state)
        isSampled = flags & 1 == 1
    }

    var header: String {
        "00-\(Self.hexadecimal(trace.high))\(Self.hexadecimal(trace.low))-\(Self.hexadecimal(span))-\(isSampled ? "01" : "00")"
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

/// Where the identity of the current span stands.
enum SpanIdentityKey: ServiceContextKey {
    typealias Value = SpanIdentity
}
