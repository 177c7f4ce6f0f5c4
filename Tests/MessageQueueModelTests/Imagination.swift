import Foundation
import Postgres

@testable import MessageQueue

/// Makes a deed of a move: chooses queues, messages and receipts, also ones that are out of date.
struct Imagination {
    /// Of all messages of the history.
    private(set) var ids: [UUID] = []
    private let seed: UInt64
    private let lines: [World.Line]
    private var deedCount = 0
    /// What each player received and has not tried to finish.
    private var fresh: [Int: [ReceivedMessage]] = [:]
    /// All that anybody ever received.
    private var received: [ReceivedMessage] = []
    private var settled: [Int: [Int32: [Int64]]] = [:]

    init(seed: UInt64, lines: [World.Line]) {
        self.seed = seed
        self.lines = lines
    }

    mutating func keep(_ messages: [ReceivedMessage], of player: Int) {
        fresh[player, default: []] += messages
        received += messages
    }

    mutating func keep(_ known: [Int64], of queue: Int32, by player: Int) {
        settled[player, default: [:]][queue] = known
    }

    mutating func deed(_ move: Move, by player: Int, _ facts: World.Facts) -> Deed {
        var dice = Dice(move.seed)
        deedCount += 1
        let line = lines[Int.random(in: 0..<lines.count, using: &dice)]
        let limit = Int.random(in: 1...5, using: &dice)
        let known = settled[player]?[line.id] ?? []
        switch move.deed {
        case .send: return .send(messages(&dice, mayWait: true), to: line)
        case .sendOnce:
            return .sendOnce(messages(&dice), to: line, by: ["a", "b"].randomElement(using: &dice) ?? "a")
        case .publish: return .publish(messages(&dice))
        case .receive:
            let lease: Duration? = Bool.random(using: &dice) ? Deed.later : nil
            return .receive(line, limit: limit, lease: lease, settled: known)
        case .receiveByHand: return .receiveByHand(line, limit: limit)
        case .finish:
            let held = receipts(&dice, of: player)
            if held.isEmpty { return .receive(line, limit: limit, lease: nil, settled: known) }
            return .finish(verdicts(on: held, &dice), number: deedCount)
        case .extend:
            let held = receipts(&dice, of: player)
            return held.isEmpty ? .statistics : .extend(held)
        case .rescue:
            // A wrong guess must do no harm.
            let guess = Bool.random(using: &dice) ? facts.living.sorted().randomElement(using: &dice) : nil
            return .rescue(line, from: facts.lost.union(guess.map { [$0] } ?? []).sorted(), settled: known)
        case .rescueLost: return .rescueLost(line)
        case .promote: return .promote(line, limit: Bool.random(using: &dice) ? 1000 : limit)
        case .pause: return .pause(line)
        case .resume: return .resume(line)
        case .redrive: return .redrive(line)
        case .purge: return .purge(line)
        case .retire: return .retire(drops: Bool.random(using: &dice))
        case .settle: return .settle(line, from: known)
        case .statistics: return .statistics
        }
    }

    private mutating func messages(_ dice: inout Dice, mayWait: Bool = false) -> [Outgoing<Parcel>] {
        (0..<Int.random(in: 1...3, using: &dice)).map { _ in
            let isDelayed = mayWait && Int.random(in: 0..<4, using: &dice) == 0
            let tag = ["red", "yellow", "blue", nil].randomElement(using: &dice) ?? nil
            return Outgoing(
                Parcel(number: ids.count), id: nextID(), tag: tag, delay: isDelayed ? Deed.later : .zero)
        }
    }

    /// The history's seed, and a count.
    private mutating func nextID() -> MessageID {
        let bytes = withUnsafeBytes(of: (seed.bigEndian, (0x8000_0000_0000_0000 | UInt64(ids.count)).bigEndian)) {
            $0.loadUnaligned(as: uuid_t.self)
        }
        let id = UUID(uuid: bytes)
        ids.append(id)
        return MessageID(id)
    }

    /// Mostly the player's own; some are anybody's, from any time.
    private mutating func receipts(_ dice: inout Dice, of player: Int) -> [ReceivedMessage] {
        let count = Int.random(in: 1...4, using: &dice)
        if Int.random(in: 0..<6, using: &dice) == 0 { return Array(received.shuffled(using: &dice).prefix(count)) }
        let own = fresh[player] ?? []
        fresh[player] = Array(own.dropFirst(count))
        return Array(own.prefix(count))
    }

    private func verdicts(on messages: [ReceivedMessage], _ dice: inout Dice) -> [Deed.Verdict] {
        let isPlain = Bool.random(using: &dice)
        return messages.map {
            Deed.Verdict(
                message: $0, fate: isPlain ? .done : Deed.Verdict.Fate.allCases.randomElement(using: &dice) ?? .done)
        }
    }
}
