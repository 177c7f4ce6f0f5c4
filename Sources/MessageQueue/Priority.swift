/// How urgent a message is, in a queue that has ``QueueSettings/priorities``; elsewhere it means nothing. 1 is served first, 16 last.
///
/// A queue with fewer levels takes several priorities for one: with three of them 1 to 6 are as ``high``, 7 to 11 as ``normal``, 12 to
/// 16 as ``low``.
public struct Priority: Hashable, Comparable, Sendable, Codable, CaseIterable, CustomStringConvertible {
    /// From 1 to 16.
    public let number: Int

    /// Nil for a number beyond 1 to 16.
    public init?(_ number: Int) {
        guard Self.numbers.contains(number) else { return nil }
        self.number = number
    }

    /// The nearest that there is.
    public init(clamping number: Int) {
        self.number = min(max(number, Self.numbers.lowerBound), Self.numbers.upperBound)
    }

    /// 1, the most urgent.
    public static let high = Priority(clamping: 1)
    /// 8, that of whoever says nothing.
    public static let normal = Priority(clamping: 8)
    /// 16, the least urgent.
    public static let low = Priority(clamping: 16)

    /// All sixteen, the most urgent first.
    public static let allCases = numbers.map { Priority(clamping: $0) }

    private static let numbers = 1...16

    public init(from decoder: any Decoder) throws {
        self.init(clamping: try decoder.singleValueContainer().decode(Int.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }

    /// As the server takes it.
    var code: Int16 { Int16(number) }

    /// The more urgent one is less.
    public static func < (one: Priority, other: Priority) -> Bool { one.number < other.number }

    public var description: String { "\(number)" }
}

/// How many priorities a queue tells apart. Each level has as many lanes as the queue is declared with.
///
/// Guarantee: more urgent messages are delivered first, and none starves: now and then a claim begins with another level. Within a
/// level messages are delivered as in any queue.
public enum PriorityLevels: Int16, Sendable, Codable, CaseIterable {
    /// One: all messages are as urgent.
    case none = 1
    /// Of ten claims seven look at ``Priority/high`` first, two at ``Priority/normal``, one at ``Priority/low``.
    case three = 3
    /// Of sixteen claims of a consumer fifteen begin with priority 1, and the last with one of the others, each in its turn.
    case sixteen = 16

    /// The most lanes that a queue with so many levels can have.
    var mostLanes: Int { 64 / Int(rawValue) }

    /// The level of a priority, the same as the server reckons: see `mq.publish`.
    func level(of priority: Priority) -> Int16 { Int16(priority.number - 1) * rawValue / 16 }

    /// The priority that stands for a level.
    func priority(of level: Int16) -> Priority {
        switch self {
        case .none: .normal
        case .three: level == 0 ? .high : level == 1 ? .normal : .low
        case .sixteen: Priority(clamping: Int(level) + 1)
        }
    }

    /// The level that the nth claim of a consumer begins with.
    func first(inTurn turn: Int) -> Int16 {
        switch self {
        case .none: 0
        case .three: Self.turns[turn % Self.turns.count]
        case .sixteen: turn % 16 == 15 ? Int16(1 + turn / 16 % 15) : 0
        }
    }

    private static let turns: [Int16] = [0, 0, 1, 0, 0, 2, 0, 0, 1, 0]
}
