public import Foundation

/// Everything that is known about one run of a scenario: what the report draws, and what `--json` is made from.
///
/// Times are seconds since the first order was due, of the real clock, whatever the speed was.
public struct RunRecord: Codable, Sendable {
    /// Which shop was played.
    public enum Shop: String, Codable, Sendable {
        case decoupled, coupled
    }

    public let scenario: String
    /// What it teaches, in a line.
    public let teaches: String
    /// What happens, in a paragraph.
    public let story: String
    public let shop: Shop
    public let seed: UInt64
    public let speed: Double
    public let startedAt: Date
    /// Processor, cores and server, for people.
    public let machine: String
    /// Plays the same again.
    public let command: String
    public let windows: [FaultWindow]
    public let samples: [Sample]
    public let calls: [CustomerCall]
    /// When the last customer had an answer, and when nothing was on its way any more.
    public let submittedAt, drainedAt: Double
    public let expectations: [Finding]
    /// What the audit of the books and of the engine found.
    public let violations: [String]
    /// Traces of the orders that a failed expectation or a violation names.
    public let traces: [String]
    public let outcome: Outcome

    public var passed: Bool { violations.isEmpty && expectations.allSatisfy(\.holds) }
}

/// A fault, and when it was there.
public struct FaultWindow: Codable, Sendable {
    /// Such as `logistics: outage`.
    public let what: String
    public let from: Double
    /// The same as `from` for what happens in a moment, such as `kill -9`.
    public let to: Double
}

/// How the shop stood at one moment. Numbers count from the start; nil is what could not be asked, the database being away.
public struct Sample: Codable, Sendable {
    public struct Queue: Codable, Sendable {
        public let depth, inFlight, notDue, dead: Int
    }

    public let at: Double
    public let accepted: Int
    /// Calls that ended with an error in a customer's face.
    public let failed: Int
    public let delivered: Int?
    /// Attempts that failed and were put off, over all queues.
    public let retried: Int?
    /// By name.
    public let queues: [String: Queue]?
}

/// One customer's wish to order, from when it was due.
public struct CustomerCall: Codable, Sendable {
    public enum End: String, Codable, Sendable {
        case accepted
        /// The shop said no: the order was nonsense, or, in the coupled shop, out of stock or declined.
        case refused
        /// No answer, or an error, until the customer gave up.
        case failed
    }

    public let due: Double
    /// From when it was due to the final answer, in seconds.
    public let latency: Double
    public let end: End
    /// Requests that were made, the last one included.
    public let requests: Int
}

/// An expectation, and whether it holds.
public struct Finding: Codable, Sendable {
    /// Such as `recovered within 10s`.
    public let expectation: String
    public let holds: Bool
    /// What was found, such as `3.2s`.
    public let found: String
    /// The orders that speak against it.
    public let orders: [String]
}

/// The result in numbers, the same for both shops.
public struct Outcome: Codable, Sendable {
    /// Orders that the customers wanted.
    public let wanted: Int
    public let accepted: Int
    /// Refused for a reason that is the customer's or the shelf's.
    public let refused: Int
    /// Failed in the customer's face.
    public let failed: Int
    public let delivered: Int
    /// Charged and not refunded, and no parcel booked.
    public let paidNotDelivered: Int
    /// Left money or reserved shoes behind that somebody has to undo by hand.
    public let toUndoByHand: Int
    public let dead: Int
    /// Of the accepted orders, from due to answer, in seconds.
    public let latency: Latency

    public struct Latency: Codable, Sendable {
        public let p50, p99, max: Double
    }
}
