/// Where an attempt stands in a queue's log. Who holds it can finish the attempt, once: it is the receipt.
public struct Receipt: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let queue: Int32
    package let lane: Int16
    package let seq: Int64

    init(queue: Int32, lane: Int16, seq: Int64) {
        self.queue = queue
        self.lane = lane
        self.seq = seq
    }

    /// Reads what ``description`` wrote.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let queue = Int32(parts[0]), let lane = Int16(parts[1]), let seq = Int64(parts[2])
        else {
            return nil
        }
        self.init(queue: queue, lane: lane, seq: seq)
    }

    public var description: String { "\(queue).\(lane).\(seq)" }

    /// In this order are completions written, so that two transactions that meet can't deadlock.
    public static func < (one: Receipt, other: Receipt) -> Bool {
        (one.queue, one.lane, one.seq) < (other.queue, other.lane, other.seq)
    }

    /// Sorted places, as stretches of a lane without a gap.
    static func runs(of places: [Receipt]) -> [(first: Receipt, last: Int64)] {
        var runs: [(first: Receipt, last: Int64)] = []
        for place in places {
            if let run = runs.last, run.last + 1 == place.seq, run.first.lane == place.lane,
                run.first.queue == place.queue
            {
                runs[runs.count - 1].last = place.seq
            } else {
                runs.append((place, place.seq))
            }
        }
        return runs
    }
}
