import Logging

/// Something wrong with a provider, as it is put over the control port.
struct Fault: Codable, Equatable, Sendable {
    enum Mode: String, Codable, CaseIterable, Sendable {
        /// The listening socket is closed and open connections are cut: the next connect is refused.
        case outage
        /// An outage for half of `periodMilliseconds`, then none for the other half, and so on.
        case flapping
        /// 503 without any effect.
        case error
        /// The right answer, `latencyMilliseconds` late.
        case latency
        /// The right answer, whose body comes byte by byte, the last one after `latencyMilliseconds`. Something always
        /// moves, so only a deadline for the whole exchange ends the wait.
        case drip
        /// No answer and no effect while the fault lasts; then the connection is cut.
        case hang
        /// The effect, and status 200 with a body that is not JSON.
        case malformed
        /// The effect, and the connection is cut without an answer.
        case lostAnswer
        /// The effect once, and its answer twice on the connection, so that the second looks like the next answer.
        case duplicateAnswer
    }

    let mode: Mode
    /// The share of POST requests that are struck, 0 to 1. Outages strike all.
    var rate = 1.0
    /// How long it lasts, or nil until it is replaced or cleared.
    var forSeconds: Double?
    var latencyMilliseconds = 1000
    var periodMilliseconds = 1000
    /// Requests that still pass before the fault begins.
    var afterRequests = 0

    var duration: Duration? { forSeconds.map { .seconds($0) } }
    var halfPeriod: Duration { .milliseconds(periodMilliseconds) / 2 }
    /// Whether it keeps everybody out, instead of striking single requests.
    var closesDoor: Bool { mode == .outage || mode == .flapping }
}

extension Fault {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let name = try container.decode(String.self, forKey: .mode)
        guard let mode = Mode(rawValue: name) else {
            let known = Mode.allCases.map(\.rawValue).joined(separator: ", ")
            throw DecodingError.dataCorruptedError(
                forKey: .mode, in: container, debugDescription: "'\(name)' is none of \(known)")
        }
        self.mode = mode
        rate = try container.decodeIfPresent(Double.self, forKey: .rate) ?? 1
        forSeconds = try container.decodeIfPresent(Double.self, forKey: .forSeconds)
        latencyMilliseconds = try container.decodeIfPresent(Int.self, forKey: .latencyMilliseconds) ?? 1000
        periodMilliseconds = try container.decodeIfPresent(Int.self, forKey: .periodMilliseconds) ?? 1000
        afterRequests = try container.decodeIfPresent(Int.self, forKey: .afterRequests) ?? 0

        func require(_ holds: Bool, _ key: CodingKeys, _ rule: String) throws {
            if !holds { throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: rule) }
        }
        try require((0...1).contains(rate), .rate, "rate must be from 0 to 1")
        try require(!closesDoor || rate == 1, .rate, "an outage strikes all: leave rate out, or use forSeconds")
        try require((0.001...1e9).contains(forSeconds ?? 1), .forSeconds, "forSeconds must be from 0.001 to 1e9")
        try require(
            (0...31_622_400_000).contains(latencyMilliseconds), .latencyMilliseconds,
            "latencyMilliseconds must be from 0 to 31622400000, a year")
        try require(
            (20...3_600_000).contains(periodMilliseconds), .periodMilliseconds,
            "periodMilliseconds must be from 20 to 3600000")
        try require(
            (0...1_000_000_000).contains(afterRequests), .afterRequests, "afterRequests must be from 0 to 1000000000")
    }
}

extension Fault? {
    /// For the log: what is wrong with whom.
    func metadata(of provider: String) -> Logger.Metadata {
        guard let fault = self else { return ["provider": "\(provider)"] }
        var metadata: Logger.Metadata = [
            "provider": "\(provider)", "mode": "\(fault.mode)", "rate": "\(fault.rate)",
        ]
        if let seconds = fault.forSeconds { metadata["seconds"] = "\(seconds)" }
        if fault.mode == .latency || fault.mode == .drip { metadata["latency"] = "\(fault.latencyMilliseconds) ms" }
        if fault.mode == .flapping { metadata["period"] = "\(fault.periodMilliseconds) ms" }
        if fault.afterRequests > 0 { metadata["after"] = "\(fault.afterRequests) requests" }
        return metadata
    }
}

extension DecodingError {
    /// One sentence for the person who wrote the JSON.
    var reason: String {
        switch self {
        case .keyNotFound(let key, _): "\(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            (context.codingPath.map(\.stringValue) + [context.debugDescription]).joined(separator: ": ")
        @unknown default: "\(self)"
        }
    }
}
