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

    mutating func deed(_ move: Move, by player: Int, _ facts: World.Facts, seeing snapshot: Snapshot) -> Deed {
        var dice = Dice(move.seed)
        deedCount += 1
        let kind = fitting(move.deed, &dice, snapshot)
        let line = line(for: kind, &dice, snapshot)
        let limit = [1, 1, 2, 3, 5].randomElement(using: &dice) ?? 1
        let known = settled[player]?[line.id] ?? []
        let first = Priority.allCases.randomElement(using: &dice) ?? .high
        let key = ["a", "b"].randomElement(using: &dice) ?? "a"
        switch kind {
        case .send: return .send(messages(&dice, mayWait: line.order == nil), to: line)
        case .sendOnce:
            return .sendOnce(messages(&dice), to: line, by: key)
        case .publish: return .publish(messages(&dice))
        case .produce:
            let count = Int.random(in: 1...4, using: &dice)
            return .produce((0..<count).map { _ in messages(&dice, mayWait: line.order == nil) }, to: line)
        case .receive:
            let lease: Duration? = Bool.random(using: &dice) ? Deed.later : nil
            return .receive(line, limit: limit, lease: lease, settled: known, first: first)
        case .receiveByHand: return .receiveByHand(line, limit: limit)
        case .finish:
            let held = receipts(&dice, of: player)
            if held.isEmpty { return .receive(line, limit: limit, lease: nil, settled: known, first: first) }
            return .finish(orderly(verdicts(on: held, &dice), seeing: snapshot), number: deedCount)
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
        case .retryBlocked: return .retryBlocked(line, key: key)
        case .skipBlocked: return .skipBlocked(line, key: key)
        case .retire: return .retire(drops: Bool.random(using: &dice))
        case .settle: return .settle(line, from: known)
        case .statistics: return .statistics
        }
    }

    /// With nothing to finish it receives, with nothing to receive it promotes what is due, else it sends, mostly.
    private func fitting(_ deed: Move.Kind, _ dice: inout Dice, _ snapshot: Snapshot) -> Move.Kind {
        let isForHands = deed == .finish && fresh.values.allSatisfy(\.isEmpty)
        guard isForHands || deed == .receive, Int.random(in: 0..<4, using: &dice) > 0 else { return deed }
        if snapshot.log.values.contains(where: \.isWaiting), Int.random(in: 0..<3, using: &dice) > 0 { return .receive }
        return snapshot.blocked.values.contains { $0.retry == .due && $0.replaying == 0 } ? .promote : .send
    }

    /// Mostly one where there is something to do: else few messages would fail twice.
    private func line(for deed: Move.Kind, _ dice: inout Dice, _ snapshot: Snapshot) -> World.Line {
        let waiting = snapshot.log.filter(\.value.isWaiting)
        // What is delivered anew is rare, and worth a look.
        let anew = Bool.random(using: &dice) ? waiting.filter { $0.value.rank != nil } : [:]
        let busy = lines.filter { line in
            switch deed {
            case .receive: (anew.isEmpty ? waiting : anew).contains { $0.key.queue == line.id }
            default: snapshot.blocked.keys.contains { $0.queue == line.id }
            }
        }
        let some = !busy.isEmpty && Int.random(in: 0..<4, using: &dice) > 0 ? busy : lines
        return some[Int.random(in: 0..<some.count, using: &dice)]
    }

    private mutating func messages(_ dice: inout Dice, mayWait: Bool = false) -> [Outgoing<Parcel>] {
        (0..<Int.random(in: 1...3, using: &dice)).map { _ in
            let isDelayed = mayWait && Int.random(in: 0..<4, using: &dice) == 0
            let tag = ["red", "yellow", "blue", nil].randomElement(using: &dice) ?? nil
            let (number, id) = (ids.count, nextID())
            let name = Name(queue: 0, id: id.uuid)
            return Outgoing(
                Parcel(number: number), id: id, key: name.key, tag: tag, delay: isDelayed ? Deed.later : .zero,
                priority: name.priority)
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

    /// Mostly the player's own, or, when it has none, another one's; some are anybody's, from any time.
    private mutating func receipts(_ dice: inout Dice, of player: Int) -> [ReceivedMessage] {
        let count = Int.random(in: 1...4, using: &dice)
        if Int.random(in: 0..<6, using: &dice) == 0 { return Array(received.shuffled(using: &dice).prefix(count)) }
        let holders = [player] + fresh.keys.sorted()
        let holder = holders.first { fresh[$0]?.isEmpty == false } ?? player
        let held = fresh[holder] ?? []
        fresh[holder] = Array(held.dropFirst(count))
        return Array(held.prefix(count))
    }

    private func verdicts(on messages: [ReceivedMessage], _ dice: inout Dice) -> [Deed.Verdict] {
        let isPlain = Bool.random(using: &dice)
        return messages.map {
            Deed.Verdict(
                message: $0, fate: isPlain ? .done : Deed.Verdict.Fate.chosen.randomElement(using: &dice) ?? .done)
        }
    }

    /// Where order is kept, a consumer finishes the messages of a key in their order: those that stand ahead in its hands come
    /// along, and those behind one that has to be tried again are held back.
    private func orderly(_ verdicts: [Deed.Verdict], seeing snapshot: Snapshot) -> [Deed.Verdict] {
        func key(_ message: ReceivedMessage) -> Key? {
            guard let line = lines.first(where: { $0.id == message.receipt.queue }), line.order != nil,
                snapshot.log[message.receipt]?.isOpen == true
            else { return nil }
            return message.message.key.map { Key(queue: line.id, text: $0) }
        }
        var (ordered, orderly) = verdicts.partitioned { key($0.message) != nil }
        while let one = ordered.first.flatMap({ key($0.message) }) {
            let (same, others) = ordered.partitioned { key($0.message) == one }
            ordered = others
            var chosen: [Receipt: Deed.Verdict.Fate] = [:]
            for verdict in same { chosen[verdict.message.receipt] = verdict.fate }
            let skips = lines.contains { $0.id == one.queue && $0.order == .skipOnFailure }
            var isStopped = false
            for message in received.filter({ key($0) == one }).sorted(by: { $0.receipt < $1.receipt }) {
                if chosen.isEmpty, !isStopped { break }
                let given = chosen.removeValue(forKey: message.receipt) ?? .done
                orderly.append(Deed.Verdict(message: message, fate: isStopped ? .heldBack : given))
                isStopped = isStopped || !(given == .done || given == .dead && skips)
            }
        }
        return orderly
    }
}
