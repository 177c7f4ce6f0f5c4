/// Where an attempt stands in a queue's log. Who holds it can finish the attempt, once: it is the receipt.
///
/// As a text it can be handed to whoever finishes the attempt, also through another process than the one that received the message:
/// see ``Broker/acknowledge(_:)``.
///
/// It is good for the database that it comes from, and for no other: not for one that was made anew or restored since, nor for
/// a server that has taken over. There it is refused with ``QueueError/leaseLost(queue:message:)``.
public struct Receipt: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let queue: Int32
    package let lane: Int16
    package let seq: Int64
    /// See ``Origin/mark``.
    let mark: UInt32
    /// How often the visibility had been changed when it was handed out: it is good for no other turn.
    let turn: Int32

    init(queue: Int32, lane: Int16, seq: Int64, mark: UInt32, turn: Int32 = 0) {
        self.queue = queue
        self.lane = lane
        self.seq = seq
        self.mark = mark
        self.turn = turn
    }

    /// Reads what ``description`` wrote.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard 4...5 ~= parts.count, let queue = Int32(parts[0]), let lane = Int16(parts[1]), let seq = Int64(parts[2]),
            let mark = UInt32(parts[3], radix: 16), let turn = parts.count == 5 ? Int32(parts[4]) : 0
        else {
            return nil
        }
        self.init(queue: queue, lane: lane, seq: seq, mark: mark, turn: turn)
    }

    /// Digits, letters and dots only, so that it can travel in a URL as it is.
    public var description: String {
        let place = "\(queue).\(lane).\(seq).\(String(mark, radix: 16))"
        return turn == 0 ? place : "\(place).\(turn)"
    }

    /// The same attempt, with the receipt of another turn.
    func inTurn(_ turn: Int32) -> Receipt { Receipt(queue: queue, lane: lane, seq: seq, mark: mark, turn: turn) }

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
