import Foundation

/// Which histories are run.
struct Plan: Sendable, CustomStringConvertible {
    /// Histories of one world, run one after the other.
    static let worldSize: UInt64 = 40

    /// Numbers of worlds; world n has the histories from n * ``worldSize`` on.
    var worlds: [UInt64]
    /// Goes on with worlds after the last one until then.
    var end: ContinuousClock.Instant?
    /// Only this one, shown whole.
    var replay: UInt64?
    let description: String

    static let minutes = environment["MODEL_FOR"] == nil && environment["MODEL_HISTORIES"] == nil ? 5 : 24 * 60
    private static var environment: [String: String] { ProcessInfo.processInfo.environment }

    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    /// Always the same ones, and a few that nobody has run before.
    static func fromEnvironment() throws -> Plan {
        let fresh = UInt64.random(in: 1 << 20..<1 << 40)
        if let text = environment["MODEL_SEED"] {
            guard let seed = UInt64(text) else { throw Unreadable(description: "MODEL_SEED=\(text) is no number") }
            return Plan(worlds: [seed / worldSize], replay: seed, description: "MODEL_SEED=\(seed)")
        }
        if let text = environment["MODEL_FOR"] {
            let end = ContinuousClock.now + (try duration(text))
            return Plan(worlds: [fresh], end: end, description: "from MODEL_SEED=\(fresh * worldSize) on, for \(text)")
        }
        if let text = environment["MODEL_HISTORIES"] {
            guard let count = UInt64(text) else {
                throw Unreadable(description: "MODEL_HISTORIES=\(text) is no number")
            }
            let worlds = (count + worldSize - 1) / worldSize
            return Plan(
                worlds: Array(fresh..<fresh + worlds), description: "from MODEL_SEED=\(fresh * worldSize) on")
        }
        return Plan(
            worlds: Array(0..<48) + Array(fresh..<fresh + 2),
            description: "the fixed ones and those from MODEL_SEED=\(fresh * worldSize) on")
    }

    private static func duration(_ text: String) throws -> Duration {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Double(text.dropLast()) else {
            throw Unreadable(description: "MODEL_FOR=\(text) is no time, such as 90s, 10m or 8h")
        }
        return .seconds(number * unit)
    }
}
