import Foundation

/// A scenario that is made up: random load, random customers, random troubles of every kind that can be made here; the
/// same ones for the same seed.
///
/// It is made as the text of a file, so that what fails can be kept, read, shortened and played again.
public struct RandomScenario {
    public let seed: UInt64
    /// Whether the disk may fill up, which needs a file system of the run's own.
    private let mayFillDisk: Bool
    private let mayTurnClocks: Bool
    private var generator: SeededGenerator
    /// When each thing that can be in one trouble at a time is in one.
    private var taken: [String: [ClosedRange<Double>]] = [:]
    private var poisoned = 0

    private static let length = 12.0

    public init(seed: UInt64) {
        self.seed = seed
        mayFillDisk = LimitedDisk.isPossible
        mayTurnClocks = FakeTime.isInstalled
        generator = SeededGenerator(seed: seed)
    }

    public var name: String { "torture-\(seed)" }

    /// The file's text.
    public mutating func yaml() -> String {
        let load = load()
        let customers = customers()
        let processes = ShopProcess.allCases.dropFirst().map { "\($0.rawValue): \(count(1...2))" }
        let timeline = (0..<count(2...6)).compactMap { _ in trouble() }
        return """
            name: \(name)
            teaches: Random troubles over random load, made from seed \(seed).
            story: Made up by a random generator; see the timeline.
            load:
            \(load)
            customers: {\(customers), patience: 90s}
            processes: {\(processes.joined(separator: ", "))}
            queues:
            \(Self.queues)
            timeline:\(timeline.isEmpty ? " []" : "")
            \(timeline.map { "  - {\($0)}" }.joined(separator: "\n"))
            expect:
              accepted: all
              dead: 0..\(poisoned)

            """
    }

    /// Short leases and back-offs, so that much happens in little time; so many attempts that no trouble outlasts them.
    private static let queues = Fields.queueNames.map { name in
        "  \(name): {attempts: 200, back-off: 100ms, longest-back-off: 2s, lease: 4s}"
    }.joined(separator: "\n")

    // MARK: Load

    private mutating func load() -> String {
        let half = Self.length / 2
        var lines = ["  - {from: \(count(5...40)), to: \(count(5...60)), for: \(half.short)s}"]
        if generator.draw(0.3) { lines.append("  - burst: \(count(20...150))") }
        lines.append("  - {from: \(count(5...60)), to: \(count(0...40)), for: \(half.short)s}")
        return lines.joined(separator: "\n")
    }

    private mutating func customers() -> String {
        [
            ("declined", 0.1), ("undeliverable", 0.1), ("cancel", 0.3), ("twice", 0.4), ("malformed", 0.05),
            ("oversized", 0.02),
        ].map { "\($0.0): \(number(in: 0...$0.1).short)" }.joined(separator: ", ")
    }

    // MARK: Troubles

    private enum Kind: CaseIterable {
        case provider, kill, freeze, crash, loop, deploy, clock, server, session, disk, network, poison
    }

    private mutating func trouble() -> String? {
        switch Kind.allCases.randomElement(using: &generator) ?? .kill {
        case .provider: provider()
        case .kill: moment("kill", on: worker())
        case .freeze: lasting("freeze", on: worker(), for: 1...6)
        case .crash: crash()
        case .loop: lasting("restart-loop", on: worker(), for: 2...4, "every: \(count(3...10) * 100)ms")
        case .deploy: deploy()
        case .clock: mayTurnClocks ? clock() : provider()
        case .server: server()
        case .session: session()
        case .disk: mayFillDisk ? window(on: "server", for: 1...3).map { "\($0), database: full" } : server()
        case .network: network()
        case .poison: poison()
        }
    }

    private mutating func provider() -> String? {
        let provider = pick(TimelineEvent.Provider.allCases)
        let mode = pick(ProviderFault.Mode.allCases)
        guard let window = window(on: provider.rawValue, for: 0.5...5) else { return nil }
        var parts = [window, "provider: \(provider.rawValue)", "fault: \(mode.storyName)"]
        if mode != .outage, mode != .flapping { parts.append("rate: \(number(in: 0.1...1).short)") }
        if mode == .latency || mode == .drip { parts.append("latency: \(count(1...20) * 100)ms") }
        if mode == .flapping { parts.append("period: \(count(2...20) * 100)ms") }
        return parts.joined(separator: ", ")
    }

    private mutating func crash() -> String? {
        let phase = pick(TimelineEvent.Phase.allCases).rawValue
        return lasting("crash", on: worker(), for: 2...5, "phase: \(phase), messages: \(count(1...40))")
    }

    private mutating func deploy() -> String? {
        let worker = worker()
        // The old names are gone afterwards: nothing else happens to this worker.
        guard taken[worker] == nil else { return nil }
        taken[worker] = [0...Self.length * 2]
        return "at: \(number(in: 1...Self.length - 2).short)s, deploy: \(worker), version: v\(count(2...9))"
    }

    private mutating func clock() -> String? {
        let sign = generator.draw(0.5) ? "+" : "-"
        return lasting("clock", on: worker(), for: 2...5, "by: \"\(sign)\(count(1...48))h\"")
    }

    private mutating func server() -> String? {
        guard let window = window(on: "server", for: 0.5...3) else { return nil }
        switch count(0...3) {
        case 0: return "\(window), database: kill"
        case 1: return "\(window), database: restart"
        case 2: return "\(window), database: exhaust"
        default: return "at: \(number(in: 1...Self.length).short)s, database: terminate"
        }
    }

    private mutating func session() -> String? {
        guard let window = window(on: "server", for: 1...4) else { return nil }
        switch count(0...2) {
        case 0: return "\(window), database: snapshot"
        case 1: return "\(window), database: timeout, statement-timeout: \(count(1...50))ms"
        default:
            let table = pick(["mq.messages", "mq.claims", "mq.completions", "orders.orders", "stock.items"])
            return "\(window), database: lock, table: \(table)"
        }
    }

    private mutating func network() -> String? {
        let (process, peer) = pick([
            ("order-api", "database"), ("order-worker", "database"), ("stock-worker", "database"),
            ("payment-worker", "database"), ("payment-worker", "payment"), ("logistics-worker", "database"),
            ("logistics-worker", "logistics"),
        ])
        guard let window = window(on: "\(process) to \(peer)", for: 0.5...5) else { return nil }
        if generator.draw(0.2) {
            let moment = number(in: 0.5...Self.length).short
            return "at: \(moment)s, network: \(process), to: \(peer), fault: silence"
        }
        let fault = pick([
            "cut", "half-open", "delay, delay: \(count(1...30) * 10)ms",
            "throttle, bytes-per-second: \(count(5...100))000",
        ])
        return "\(window), network: \(process), to: \(peer), fault: \(fault)"
    }

    private mutating func poison() -> String? {
        let queue = generator.draw(0.3) ? "all" : pick(Fields.queueNames)
        let messages = count(1...3)
        poisoned += messages * (queue == "all" ? Fields.queueNames.count : 1)
        return "at: \(number(in: 0...Self.length).short)s, poison: \(queue), messages: \(messages)"
    }

    // MARK: Drawing

    private mutating func worker() -> String { pick(Array(ShopProcess.allCases.dropFirst())).rawValue }

    private mutating func moment(_ event: String, on process: String) -> String {
        "at: \(number(in: 0.5...Self.length).short)s, \(event): \(process)"
    }

    private mutating func lasting(
        _ event: String, on process: String, for length: ClosedRange<Double>, _ more: String? = nil
    ) -> String? {
        guard let window = window(on: process, for: length) else { return nil }
        return [window, "\(event): \(process)", more].compactMap(\.self).joined(separator: ", ")
    }

    /// Nil when it would fall together with another trouble of the same thing.
    private mutating func window(on thing: String, for length: ClosedRange<Double>) -> String? {
        let start = number(in: 0.5...Self.length - 1)
        let lasts = number(in: length)
        // What ends needs a moment until it has ended.
        let range = start...(start + lasts + 2)
        guard taken[thing]?.contains(where: range.overlaps) != true else { return nil }
        taken[thing, default: []].append(range)
        return "at: \(start.short)s, for: \(lasts.short)s"
    }

    private mutating func count(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }

    /// With one digit after the point, or two.
    private mutating func number(in range: ClosedRange<Double>) -> Double {
        (Double.random(in: range, using: &generator) * 100).rounded() / 100
    }

    private mutating func pick<T>(_ all: [T]) -> T { all[Int.random(in: all.indices, using: &generator)] }
}
