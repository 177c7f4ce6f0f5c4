/// Where an attempt stands in a queue's log. Who holds it can finish the attempt, once: it is the receipt.
///
/// It is good for the database that it comes from, and for no other: not for one that was made anew or restored since, nor for
/// a server that has taken over. There it is refused with ``QueueError/leaseLost(queue:message:)``.
public struct Receipt: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let queue: Int32
    package let lane: Int16
    package let seq: Int64
    /// See ``Origin/mark``.
    let mark: UInt32

    init(queue: Int32, lane: Int16, seq: Int64, mark: UInt32) {
        self.queue = queue
        self.lane = lane
        self.seq = seq
        self.mark = mark
    }

    /// Reads what ``description`` wrote.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let queue = Int32(parts[0]), let lane = Int16(parts[1]), let seq = Int64(parts[2]),
            let mark = UInt32(parts[3], radix: 16)
        else {
            return nil
        }
        self.init(queue: queue, lane: lane, seq: seq, mark: mark)
    }

    public var description: String { "\(queue).\(lane).\(seq).\(String(mark, radix: 16))" }

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
