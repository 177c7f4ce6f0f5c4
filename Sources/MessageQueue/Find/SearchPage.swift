/// Deliveries that were found, the newest first, and where to go on.
public struct SearchPage: Sendable {
    /// One for each attempt that matches.
    public let entries: [TraceEntry]
    /// Where the search goes on; nil when everything has been looked at.
    ///
    /// A page that is not full, even an empty one, may be followed by others: a page looks at so many places and no more.
    public let next: SearchPosition?
    /// How many places in the log were looked at.
    public let examined: Int
}

/// How far a search has come: a place in each lane that has more to show.
///
/// What is appended after the first page was read is not among those that follow; nothing is shown twice or left out.
public struct SearchPosition: Sendable, Equatable {
    struct Lane: Sendable, Hashable {
        let queue: Int32
        let lane: Int16
    }

    /// Everything from here on has been looked at.
    var reached: [Lane: Int64]
    /// Of the database that the places are from.
    let mark: UInt32
}

extension SearchPosition: CustomStringConvertible {
    /// A text of letters, digits and `.`, `_`, `-`, for links.
    public var description: String {
        let lanes = reached.sorted { ($0.key.queue, $0.key.lane) < ($1.key.queue, $1.key.lane) }
        let places = lanes.map { "\(Self.text($0.key.queue)).\(Self.text($0.key.lane)).\(Self.text($0.value))" }
        return ([Self.text(mark)] + places).joined(separator: "_")
    }

    /// Reads what ``description`` wrote; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard let first = parts.first, let mark = UInt32(first, radix: Self.radix) else { return nil }
        self.init(reached: [:], mark: mark)
        for part in parts.dropFirst() {
            let numbers = part.split(separator: ".", omittingEmptySubsequences: false)
            guard numbers.count == 3, let queue = Int32(numbers[0], radix: Self.radix),
                let lane = Int16(numbers[1], radix: Self.radix), let seq = Int64(numbers[2], radix: Self.radix)
            else { return nil }
            reached[Lane(queue: queue, lane: lane)] = seq
        }
    }

    private static let radix = 36
    private static func text(_ number: some BinaryInteger) -> String { String(number, radix: radix) }
}
