import Durations
import MessageQueue
import ShoeShop

/// Reads one item of the timeline: when, and one event.
struct TimelineReader {
    let fields: Fields

    init(_ fields: Fields) { self.fields = fields }

    func entry() -> Scenario.Entry? {
        let at = fields.required("at", fields.duration)
        let length = fields.duration("for")
        let events = [
            provider(), process("kill").map(TimelineEvent.kill), process("freeze").map(TimelineEvent.freeze), crash(),
            restartLoop(),
            deploy(), clock(), database(length: length), network(), poison(), redrive(),
        ].compactMap(\.self)
        guard let at else { return nil }
        guard events.count == 1 else {
            fields.complain(
                "an item has `at` and one of: \(Self.names.joined(separator: ", ")); this one has \(events.count)")
            return nil
        }
        checkLength(length, of: events[0])
        return Scenario.Entry(at: at, length: length, event: events[0])
    }

    private static let names = [
        "provider", "kill", "freeze", "crash", "restart-loop", "deploy", "clock", "database", "network", "poison",
        "redrive",
    ]

    private func checkLength(_ length: Duration?, of event: TimelineEvent) {
        switch event {
        case .kill, .poison, .redrive, .database(.terminate), .newDatabase, .network(_, _, .silence):
            if length != nil { fields.complain("this happens in a moment: leave `for` out", about: "for") }
        case .freeze, .database, .network, .crash, .restartLoop:
            if length == nil { fields.complain("`for` is missing: how long it lasts") }
        case .provider, .clock, .deploy: break
        }
    }

    private func process(_ name: String) -> ShopProcess? { fields.choice(name) }

    private func provider() -> TimelineEvent? {
        let provider = fields.choice("provider", TimelineEvent.Provider.self)
        let rate = fields.number("rate", in: 0...1)
        let latency = fields.duration("latency")
        let period = fields.duration("period")
        // Of a network it is read below, by other names.
        let mode =
            fields.has("network")
            ? nil
            : fields.read("fault", as: "one of \(ProviderFault.Mode.storyNames)") { ProviderFault.Mode(story: $0) }
        guard let provider else {
            let alone = ["fault", "rate", "latency", "period"].first(where: fields.has)
            if let alone, !fields.has("network") { fields.complain("belongs to a `provider`", about: alone) }
            return nil
        }
        guard let mode else {
            if !fields.has("fault") { fields.complain("`fault` is missing: \(ProviderFault.Mode.storyNames)") }
            return nil
        }
        return .provider(provider, ProviderFault(mode: mode, rate: rate, latency: latency, period: period))
    }

    private func crash() -> TimelineEvent? {
        let process = process("crash")
        let phase = fields.choice("phase", TimelineEvent.Phase.self)
        let count = fields.count("messages", in: 1...1_000_000)
        guard let process else { return nil }
        guard process != .orderAPI else {
            fields.complain("only workers have phases; `kill` the API instead", about: "crash")
            return nil
        }
        guard let phase else {
            if !fields.has("phase") {
                fields.complain(
                    "`phase` is missing: \(TimelineEvent.Phase.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return nil
        }
        return .crash(process, phase, count: count ?? 1)
    }

    private func restartLoop() -> TimelineEvent? {
        let every = fields.duration("every")
        return process("restart-loop").map { .restartLoop($0, every: every ?? .seconds(1)) }
    }

    private func deploy() -> TimelineEvent? {
        let version = fields.text("version")
        return process("deploy").map { .deploy($0, version: version ?? "next") }
    }

    private func clock() -> TimelineEvent? {
        let by = fields.read("by", as: "a span of time with a sign, such as +5h or -30m") { text in
            text.first.flatMap { sign in
                Duration(text: String(text.dropFirst())).flatMap { sign == "-" ? $0 * -1 : sign == "+" ? $0 : nil }
            }
        }
        guard let process = process("clock") else { return nil }
        guard let by else {
            if !fields.has("by") { fields.complain("`by` is missing: +5h or -30m") }
            return nil
        }
        return .clock(process, by: by)
    }

    private func database(length: Duration?) -> TimelineEvent? {
        enum Kind: String, CaseIterable { case kill, restart, terminate, anew, exhaust, timeout, full, snapshot, lock }
        let kind = fields.choice("database", Kind.self)
        let limit = fields.duration("statement-timeout")
        let table = fields.read("table", as: "a table with its schema, such as mq.messages") { text in
            text.wholeMatch(of: #/[a-z_]+\.[a-z_]+/#) == nil ? nil : text
        }
        switch kind {
        case nil: return nil
        case .kill: return .database(.kill)
        case .restart: return .database(.restart)
        case .terminate: return .database(.terminate)
        case .anew: return .newDatabase
        case .exhaust: return .database(.exhaust)
        case .full: return .database(.full)
        case .snapshot: return .database(.snapshot)
        case .timeout: return .database(.timeout(limit ?? .milliseconds(5)))
        case .lock: return .database(.lock(table: table ?? "mq.messages"))
        }
    }

    private func network() -> TimelineEvent? {
        enum Kind: String, CaseIterable { case cut, halfOpen = "half-open", silence, delay, throttle }
        let process = process("network")
        let peer = fields.choice("to", TimelineEvent.Peer.self)
        let kind: Kind? = process == nil ? nil : fields.choice("fault")
        let delay = fields.duration("delay")
        let bytes = fields.count("bytes-per-second", in: 100...1_000_000_000)
        guard let process else { return nil }
        guard let peer, let kind else {
            fields.complain("`network` needs `to` (database, payment, logistics) and `fault`")
            return nil
        }
        switch kind {
        case .cut: return .network(process, peer, .cut)
        case .halfOpen: return .network(process, peer, .halfOpen)
        case .silence: return .network(process, peer, .silence)
        case .delay: return .network(process, peer, .delay(delay ?? .milliseconds(100)))
        case .throttle: return .network(process, peer, .throttle(bytes ?? 10_000))
        }
    }

    private func poison() -> TimelineEvent? {
        let count = fields.count("messages", in: 1...10_000)
        return queue("poison").map { .poison(queue: $0.text, count: count ?? 1) }
    }

    private func redrive() -> TimelineEvent? { queue("redrive").map { .redrive(queue: $0.text) } }

    /// A queue of the shop, or `all`.
    private func queue(_ name: String) -> (text: String?, Void)? {
        fields.read(name, as: "`all` or a queue: \(Fields.queueNames.joined(separator: ", "))") { text in
            text == "all" ? (nil, ()) : Fields.queueNames.contains(text) ? (text, ()) : nil
        }
    }
}

extension Fields {
    static let queueNames = Topology.shop.queues.map(\.name.text)

    /// The queue that a field is named after.
    func queueName(_ name: String) -> QueueName? {
        guard let queue = Topology.shop.queues.map(\.name).first(where: { $0.text == name }) else {
            complain("is no queue of the shop: \(Self.queueNames.joined(separator: ", "))", about: name)
            _ = part(name)
            return nil
        }
        return queue
    }
}

extension ProviderFault.Mode {
    /// As files and the command line write it: `lost-answer`.
    var storyName: String { rawValue.replacing(#/[A-Z]/#) { "-\($0.output.lowercased())" } }
    static var storyNames: String { allCases.map(\.storyName).joined(separator: ", ") }

    init?(story text: String) {
        guard let mode = Self.allCases.first(where: { $0.storyName == text }) else { return nil }
        self = mode
    }
}
