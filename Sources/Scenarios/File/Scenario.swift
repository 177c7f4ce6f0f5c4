import MessageQueue

/// A story about a shop in trouble, with what must come of it.
///
/// Scenarios are files in YAML; `Scenarios/README.md` describes their fields. Times are those of the story: a run at speed 2
/// takes half of them.
public struct Scenario: Sendable {
    public let name: String
    /// In a line.
    public let teaches: String
    /// In a paragraph.
    public let story: String
    var load: Load
    var customers: Customers
    var shop: ShopFloor
    var timeline: [Entry]
    var expectations: Expectations

    /// One line of the timeline.
    struct Entry: Sendable, Equatable {
        let at: Duration
        /// Nil for what happens in a moment, or lasts until the end.
        let length: Duration?
        let event: TimelineEvent
    }
}

/// When orders arrive: an open loop, in which nobody waits for those before.
struct Load: Sendable, Equatable {
    enum Phase: Sendable, Equatable {
        /// Orders per second, from one rate to another.
        case curve(from: Double, to: Double, length: Duration)
        /// All at once.
        case burst(Int)
        /// A line per order: `{"at": SECONDS, "order": {...}}`.
        case recording(path: String)
    }

    var phases: [Phase]
}

/// Who orders, and how. Shares are from 0 to 1.
struct Customers: Sendable, Equatable {
    /// Cards that are declined, and addresses that nobody delivers to.
    var declined = 0.0
    var undeliverable = 0.0
    /// Charges that the payment provider refuses to refund.
    var unrefundable = 0.0
    /// Those who call their order off, and how long after it was accepted at the most.
    var cancel = 0.0
    var cancelWithin = Duration.seconds(3)
    /// Those who press the button twice, with the same idempotency key.
    var twice = 0.0
    /// Orders that are nonsense, or far too large.
    var malformed = 0.0
    var oversized = 0.0
    /// All want the same shoe; nil: any.
    var sku: String?
    var quantity: Int?
    /// How long a customer asks again, with the same key, before giving up; zero: asks once.
    var patience = Duration.seconds(30)
}

/// How the shop is set up.
struct ShopFloor: Sendable, Equatable {
    /// How many of each process; one where none is given.
    var processes: [ShopProcess: Int] = [:]
    /// Pairs of each shoe on the shelf at the start; nil: plenty.
    var stock: Int?
    var queues: [QueueName: QueueChange] = [:]
    /// Whether payment and logistics workers stop claiming while their provider is down.
    var breaker = false

    struct QueueChange: Sendable, Equatable {
        var attempts: Int?
        var backOff: Duration?
        var longestBackOff: Duration?
        var lease: Duration?
    }

    func count(of process: ShopProcess) -> Int { processes[process] ?? 1 }
}

/// What must come of it, besides the books, the engine's invariants, and that nothing is left on its way.
struct Expectations: Sendable, Equatable {
    /// Every order that was accepted before the last fault ended is finished so long after it.
    var recovered: Duration?
    /// Every order that was accepted is finished so long after it was.
    var finished: Duration?
    /// No message of an order had more deliveries than this.
    var attempts: Int?
    /// Dead letters that are left at the end.
    var dead: ClosedRange<Int>? = 0...0
    /// Orders; nil: not looked at. As a share of those that were wanted, or a number.
    var accepted: Amount?
    var delivered: Amount?
    var failed: Amount?
    /// By reason, of the accepted orders.
    var rejected: [String: Amount] = [:]
    /// From due to answer, of the accepted orders.
    var latencyP50, latencyP99: Duration?

    struct Amount: Sendable, Equatable {
        enum Unit: Sendable { case orders, share }
        let range: ClosedRange<Double>
        let unit: Unit
    }
}
