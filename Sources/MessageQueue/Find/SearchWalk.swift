import Foundation

/// Puts together what was read of each lane, backwards, to one page that goes back in time.
///
/// Within a lane the order of places is that of commits, while the time of a place is that of its transaction's beginning. So a
/// place counts as no younger than those behind it, and each lane goes down steadily. Below the oldest place of a lane that has
/// more to read, other lanes have to wait for the next page.
struct SearchWalk {
    struct Step: Sendable, Equatable {
        let lane: SearchPosition.Lane
        let seq: Int64
        var at: Date
        let isHit: Bool
    }

    /// What the page shows, the newest first.
    private(set) var hits: [Step] = []
    /// Where each lane goes on that has more.
    private(set) var reached: [SearchPosition.Lane: Int64] = [:]
    /// How many places were passed.
    private(set) var examined = 0

    /// - Parameters:
    ///   - lanes: the steps of each lane, the newest place first.
    ///   - chunk: how many were asked for of each; a lane that gave fewer has no more.
    ///   - limit: how many hits a page has.
    init(_ lanes: [[Step]], chunk: Int, limit: Int) {
        let lanes = lanes.map(Self.descending)
        let full = lanes.filter { $0.count >= chunk }
        let horizon = full.compactMap(\.last?.at).max() ?? .distantPast
        pass(lanes.joined().filter { $0.at >= horizon }.sorted(by: Self.isBefore), upTo: limit)
        for lane in lanes { goOn(after: lane, isFull: lane.count >= chunk) }
    }

    private mutating func pass(_ steps: [Step], upTo limit: Int) {
        for step in steps {
            if hits.count == limit { return }
            examined += 1
            reached[step.lane] = step.seq
            if step.isHit { hits.append(step) }
        }
    }

    /// A lane that was passed to its end has nothing more; one that was not passed at all begins where it began.
    private mutating func goOn(after steps: [Step], isFull: Bool) {
        guard let first = steps.first, let last = steps.last else { return }
        if !isFull, reached[first.lane] == last.seq {
            reached[first.lane] = nil
        } else if reached[first.lane] == nil {
            reached[first.lane] = first.seq + 1
        }
    }

    private static func descending(_ steps: [Step]) -> [Step] {
        var steps = steps
        for index in steps.indices.dropFirst() { steps[index].at = min(steps[index].at, steps[index - 1].at) }
        return steps
    }

    private static func isBefore(_ one: Step, _ other: Step) -> Bool {
        if one.at != other.at { return one.at > other.at }
        return (other.lane.queue, other.lane.lane, other.seq) < (one.lane.queue, one.lane.lane, one.seq)
    }
}
