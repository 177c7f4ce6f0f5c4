import MessageQueue

/// What a client wants of a queue's settings: what it does not name stays as it is, or becomes the usual.
struct QueueWish: Sendable {
    private var lease, delay: Duration?
    /// Nil when it is not named; nil in it for messages that are kept for ever.
    private var retention: Duration??
    private var attempts: Int?
    private var base, cap: Duration?
    private var jitter: Double?
    private var limits: QueueLimits?
    private var lanes: Int?
    private var priorities: PriorityLevels?
    private var order: KeyOrder??

    private static let year = 31_622_400.0
    private static let times = 0...year
    private static let leases = 0.001...year

    private enum Order: String, CaseIterable {
        case block = "block-on-failure"
        case skip = "skip-on-failure"

        var order: KeyOrder { self == .block ? .blockOnFailure : .skipOnFailure }
    }

    init(_ fields: inout Fields) {
        lease = fields.seconds("leaseSeconds", in: Self.leases)
        delay = fields.seconds("delaySeconds", in: Self.times)
        if fields.has("retentionSeconds") { retention = .some(fields.seconds("retentionSeconds", in: Self.leases)) }
        readRetry(&fields)
        readLimits(&fields)
        lanes = fields.integer("lanes", in: 1...64)
        readPriorities(&fields)
        if fields.has("order") { order = .some(fields.word("order", of: Order.allCases)?.order) }
    }

    private mutating func readRetry(_ fields: inout Fields) {
        guard var retry = fields.object("retry") else { return }
        attempts = retry.integer("attempts", in: 1...32_000)
        base = retry.seconds("baseSeconds", in: Self.times)
        cap = retry.seconds("capSeconds", in: Self.times)
        jitter = retry.number("jitter", in: 0...1)
        fields.absorb(retry)
    }

    private mutating func readLimits(_ fields: inout Fields) {
        guard fields.has("limits") else { return }
        guard var told = fields.object("limits") else {
            limits = QueueLimits.none
            return
        }
        limits = QueueLimits(
            concurrency: told.integer("concurrency", in: 1...1_000_000),
            rate: told.number("ratePerSecond", in: Self.rates), burst: told.integer("burst", in: 1...1_000_000))
        fields.absorb(told)
    }

    /// From one a day to a billion a second.
    static let rates = (1.0 / 86_400)...1e9

    private mutating func readPriorities(_ fields: inout Fields) {
        guard let number = fields.integer("priorities", in: 1...16) else { return }
        priorities = PriorityLevels(rawValue: Int16(number))
        if priorities == nil { fields.refuse("priorities", "has to be 1, 3 or 16") }
    }

    func settings(over old: QueueSettings) -> QueueSettings {
        let retry = RetryPolicy(
            attempts: attempts ?? old.retry.attempts, base: base ?? old.retry.base, cap: cap ?? old.retry.cap,
            jitter: jitter ?? old.retry.jitter)
        let priorities = priorities ?? old.priorities
        // What a queue has by itself depends on how many priorities it tells apart.
        let usual = priorities == old.priorities ? old.lanes : nil
        return QueueSettings(
            lanes: lanes ?? usual, lease: lease ?? old.lease, retry: retry, priorities: priorities,
            order: order ?? old.order, retention: retention ?? old.retention, delay: delay ?? old.delay,
            limits: limits ?? old.limits)
    }

    /// A setting that is fixed once the queue exists, and is wanted otherwise.
    func fixed(differingFrom old: QueueSettings) -> String? {
        if let lanes, lanes != old.lanes { return "lanes" }
        if let priorities, priorities != old.priorities { return "priorities" }
        if let order, order != old.order { return "order" }
        return nil
    }
}

/// A queue as it is told.
enum QueueSheet {
    static func document(_ entry: QueueEntry, _ counts: QueueStatistics?) -> JSONText {
        let sheet: JSONText = [
            "name": .string(entry.queue.text), "settings": document(entry.settings),
            "paused": .boolean(entry.isPaused), "createdAt": .of(entry.createdAt), "changedAt": .of(entry.changedAt),
        ]
        return counts.map { sheet.adding([("counts", document($0))]) } ?? sheet
    }

    private static func document(_ settings: QueueSettings) -> JSONText {
        [
            "leaseSeconds": .seconds(settings.lease), "delaySeconds": .seconds(settings.delay),
            "retentionSeconds": .seconds(settings.retention),
            "retry": [
                "attempts": .integer(settings.retry.attempts), "baseSeconds": .seconds(settings.retry.base),
                "capSeconds": .seconds(settings.retry.cap), "jitter": .decimal(settings.retry.jitter),
            ],
            "limits": [
                "concurrency": .of(settings.limits?.concurrency), "ratePerSecond": .of(settings.limits?.rate),
                "burst": .of(settings.limits?.burst),
            ],
            "lanes": .integer(settings.lanes), "priorities": .integer(Int(settings.priorities.rawValue)),
            "order": .of(settings.order.map { $0 == .blockOnFailure ? "block-on-failure" : "skip-on-failure" }),
        ]
    }

    private static func document(_ counts: QueueStatistics) -> JSONText {
        [
            "active": .integer(counts.depth), "inactive": .integer(counts.inFlight),
            "delayed": .integer(counts.scheduled), "retrying": .integer(counts.retrying),
            "held": .integer(counts.held), "dead": .integer(counts.dead),
            "outdated": .integer(counts.outdated), "purged": .integer(counts.purged),
            "oldestWaitingSeconds": .of(counts.oldestWaiting),
        ]
    }
}
