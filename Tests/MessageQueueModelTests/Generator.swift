import Foundation
import Postgres

@testable import MessageQueue

/// Makes a command of a move: chooses queues, messages and receipts, also ones that are out of date.
struct Generator {
    /// Of all messages of the history.
    private(set) var ids: [UUID] = []
    private let seed: UInt64
    private let queues: [World.ModelQueue]
    private var commandCount = 0
    /// What each client received and has not tried to finish.
    private var fresh: [Int: [ReceivedMessage]] = [:]
    /// All that anybody ever received.
    private var received: [ReceivedMessage] = []
    /// Of messages that were received with a lease of their own, the newest last.
    private var receipts: [Receipt] = []
    /// Of messages that were not due yet, the newest last.
    private var tickets: [ScheduledReceipt] = []
    /// Of half messages, the newest last.
    private var halves: [HalfReceipt] = []
    private var open: [Int: [Int32: OpenPlaces]] = [:]

    init(seed: UInt64, queues: [World.ModelQueue]) {
        self.seed = seed
        self.queues = queues
    }

    mutating func keep(_ messages: [ReceivedMessage], of client: Int) {
        fresh[client, default: []] += messages
        received += messages
        for message in messages where message.leaseEnds != nil { keep(message.receipt) }
    }

    /// Where order is kept, whoever finishes has to do so in order: see ``orderly(_:seeing:)``.
    mutating func keep(_ receipt: Receipt) {
        if !queues.contains(where: { $0.id == receipt.queue && $0.order != nil }) { receipts.append(receipt) }
    }

    mutating func keep(_ scheduled: [ScheduledMessage]) { tickets += scheduled.map(\.receipt) }

    mutating func keep(_ receipts: [HalfReceipt]) { halves += receipts }

    mutating func keep(_ known: OpenPlaces, of queue: Int32, by client: Int) {
        open[client, default: [:]][queue] = known
    }

    mutating func command(_ move: Move, by client: Int, _ facts: World.Facts, seeing snapshot: Snapshot) -> Command {
        var dice = Dice(move.seed)
        commandCount += 1
        let kind = fitting(move.command, &dice, snapshot)
        let usual = facts.setup.known(self.queue(for: kind, &dice, snapshot))
        let queue = isForSpare(kind, &dice) ? facts.setup.spare ?? World.spare(0) : usual
        let limit = [1, 1, 2, 3, 5].randomElement(using: &dice) ?? 1
        let open = open[client]?[queue.id] ?? OpenPlaces()
        let known = open.watermarks
        let first = (0..<queue.levelsInTurn.rawValue).randomElement(using: &dice) ?? 0
        let key = ["a", "b"].randomElement(using: &dice) ?? "a"
        switch kind {
        case .send: return .send(messages(&dice, mayWait: queue.order == nil), to: queue)
        case .sendOnce:
            return .sendOnce(messages(&dice), to: queue, by: key)
        case .publish: return .publish(messages(&dice))
        // Where order is kept they would lose their keys.
        case .publishLater: return .publishLater(messages(&dice, isKeyless: true))
        case .sendUnderName:
            let (request, count) = request(&dice)
            return .sendUnderName(anonymous(count, mayWait: queue.order == nil, &dice), to: queue, request)
        case .publishUnderName:
            let (request, count) = request(&dice)
            return .publishUnderName(anonymous(count, mayWait: false, &dice), request)
        case .produce:
            let count = Int.random(in: 1...4, using: &dice)
            return .produce((0..<count).map { _ in messages(&dice, mayWait: queue.order == nil) }, to: queue)
        case .schedule: return .schedule(messages(&dice, mayWait: queue.order == nil), to: queue)
        case .cancelScheduled:
            return tickets.suffix(4).randomElement(using: &dice).map { .cancelScheduled($0) }
                ?? .promote(queue, limit: limit)
        case .reschedule:
            let delay = [Duration.zero, Command.later].randomElement(using: &dice) ?? .zero
            return tickets.suffix(4).randomElement(using: &dice).map { .reschedule($0, to: delay) }
                ?? .schedule(messages(&dice, mayWait: queue.order == nil), to: queue)
        case .hasten: return .hasten(chosen(&dice, in: queue, snapshot), in: queue)
        case .hastenRetrying: return .hastenRetrying(queue)
        case .cancelChosen: return .cancelChosen(chosen(&dice, in: queue, snapshot), in: queue)
        case .prepareHalf: return .prepareHalf(messages(&dice)[0])
        case .commitHalf: return half(&dice).map { .commitHalf($0) } ?? .checkHalves(limit: limit)
        case .rollbackHalf: return half(&dice).map { .rollbackHalf($0) } ?? .checkHalves(limit: limit)
        case .checkHalves: return .checkHalves(limit: limit)
        case .receive:
            let lease: Duration? = Bool.random(using: &dice) ? Command.later : nil
            return .receive(queue, limit: limit, lease: lease, known: known, first: first)
        case .receiveByHand: return .receiveByHand(queue, limit: limit)
        case .peek: return .peek(queue, limit: limit)
        case .finish:
            let held = receipts(&dice, of: client)
            if held.isEmpty { return .receive(queue, limit: limit, lease: nil, known: known, first: first) }
            return .finish(orderly(endings(on: held, &dice), seeing: snapshot), number: commandCount)
        case .extend:
            let held = receipts(&dice, of: client)
            return held.isEmpty ? .statistics : .extend(held)
        case .acknowledge:
            let some = receipts.suffix(6).shuffled(using: &dice).prefix(limit)
            return some.isEmpty ? .receiveByHand(queue, limit: limit) : .acknowledge(Array(some))
        case .changeVisibility:
            let lease = [Duration.zero, Command.later].randomElement(using: &dice) ?? .zero
            return receipts.suffix(4).randomElement(using: &dice).map { .changeVisibility($0, to: lease) }
                ?? .receiveByHand(queue, limit: limit)
        case .discardOutdated: return .discardOutdated
        case .rescue:
            // A wrong guess must do no harm.
            let guess = Bool.random(using: &dice) ? facts.living.sorted().randomElement(using: &dice) : nil
            return .rescue(queue, from: facts.lost.union(guess.map { [$0] } ?? []).sorted(), known: known)
        case .rescueLost: return .rescueLost(queue)
        case .promote: return .promote(queue, limit: Bool.random(using: &dice) ? 1000 : limit)
        case .pause: return .pause(queue)
        case .resume: return .resume(queue)
        case .redrive: return .redrive(queue)
        case .purge: return .purge(queue)
        case .purgeWaiting: return .purgeWaiting(queue)
        case .changeQueue: return change(of: queue, &dice)
        case .changeSubscription: return changeSubscription(&dice, facts)
        case .unsubscribe: return .unsubscribe(listener(&dice, facts))
        case .deleteQueue: return .deleteQueue
        case .createQueue: return .createQueue
        case .retryBlocked: return .retryBlocked(queue, key: key)
        case .skipBlocked: return .skipBlocked(queue, key: key)
        case .retire: return .retire(drops: Bool.random(using: &dice))
        case .openPlaces: return .openPlaces(queue, since: open)
        case .statistics: return .statistics
        }
    }

    /// With nothing to finish it receives, with nothing to receive it promotes what is due, else it sends, mostly.
    private func fitting(_ command: Move.Kind, _ dice: inout Dice, _ snapshot: Snapshot) -> Move.Kind {
        let isForHands = command == .finish && fresh.values.allSatisfy(\.isEmpty)
        guard isForHands || command == .receive, Int.random(in: 0..<4, using: &dice) > 0 else { return command }
        if snapshot.log.values.contains(where: \.isWaiting), Int.random(in: 0..<3, using: &dice) > 0 { return .receive }
        return snapshot.blocked.values.contains { $0.retry == .due && $0.replaying == 0 } ? .promote : .send
    }

    /// Mostly one where there is something to do: else few messages would fail twice.
    private func queue(for command: Move.Kind, _ dice: inout Dice, _ snapshot: Snapshot) -> World.ModelQueue {
        let waiting = snapshot.log.filter(\.value.isWaiting)
        // What is delivered anew is rare, and worth a look.
        let anew = Bool.random(using: &dice) ? waiting.filter { $0.value.rank != nil } : [:]
        let busy = queues.filter { queue in
            switch command {
            case .receive, .peek: (anew.isEmpty ? waiting : anew).contains { $0.key.queue == queue.id }
            // What is claimed past those in flight must not hide them.
            case .purgeWaiting: snapshot.log.contains { $0.key.queue == queue.id && $0.value.isOpen }
            case .hasten, .hastenRetrying, .cancelChosen:
                snapshot.scheduled.values.contains { $0.name.queue == queue.id }
            default: snapshot.blocked.keys.contains { $0.queue == queue.id }
            }
        }
        let some = !busy.isEmpty && Int.random(in: 0..<4, using: &dice) > 0 ? busy : queues
        return some[Int.random(in: 0..<some.count, using: &dice)]
    }

    private mutating func messages(
        _ dice: inout Dice, mayWait: Bool = false, isKeyless: Bool = false
    ) -> [Outgoing<Parcel>] {
        (0..<Int.random(in: 1...3, using: &dice)).map { _ in
            let isDelayed = mayWait && Int.random(in: 0..<4, using: &dice) == 0
            let tag = ["red", "yellow", "blue", nil].randomElement(using: &dice) ?? nil
            let delay: Duration? = isDelayed ? Command.later : Bool.random(using: &dice) ? .zero : nil
            var id = nextID()
            while isKeyless, Name(queue: 0, id: id.uuid).key != nil { id = nextID() }
            let name = Name(queue: 0, id: id.uuid)
            return Outgoing(
                Parcel(number: ids.count - 1), id: id, key: name.key, tag: tag, delay: delay,
                priority: name.priority)
        }
    }

    /// Few, so that they meet.
    private func request(_ dice: inout Dice) -> (Command.Request, count: Int) {
        let count = Int.random(in: 1...2, using: &dice)
        return (Command.Request(name: Bool.random(using: &dice) ? "m" : "n", fingerprint: "\(count)"), count)
    }

    /// Ones that get their ids from their request, and so are all alike.
    private func anonymous(_ count: Int, mayWait: Bool, _ dice: inout Dice) -> [Outgoing<Parcel>] {
        let tag = ["red", "yellow", "blue", nil].randomElement(using: &dice) ?? nil
        let delay: Duration? = mayWait && Int.random(in: 0..<4, using: &dice) == 0 ? Command.later : nil
        return (0..<count).map { _ in
            Outgoing(
                Parcel(number: 0), tag: tag, headers: [Snapshot.historyHeader: "\(seed)"], delay: delay,
                priority: Name.anonymousPriority)
        }
    }

    /// Whether it is there or not.
    private func isForSpare(_ command: Move.Kind, _ dice: inout Dice) -> Bool {
        [.send, .receiveByHand, .peek].contains(command) && Int.random(in: 0..<4, using: &dice) == 0
    }

    private func change(of queue: World.ModelQueue, _ dice: inout Dice) -> Command {
        let delay = queue.order == nil && Bool.random(using: &dice) ? Command.later : .zero
        return .changeQueue(queue, attempts: Int.random(in: 1...2, using: &dice), delay: delay)
    }

    private func changeSubscription(_ dice: inout Dice, _ facts: World.Facts) -> Command {
        let listener = listener(&dice, facts)
        let tags = [["red"], ["yellow"], ["red", "yellow"], ["blue"]].randomElement(using: &dice) ?? []
        return listener.tags == [] ? .subscribe(listener, tags: tags) : .changeSubscription(listener, tags: tags)
    }

    /// One that does not hear everything: what is published is always heard by somebody.
    private func listener(_ dice: inout Dice, _ facts: World.Facts) -> World.ModelQueue {
        let listeners = facts.queues.filter { $0.tags != nil }
        return listeners[Int.random(in: 0..<listeners.count, using: &dice)]
    }

    /// Of what waits in the queue, as an operator sees it listed, and one that is out of date, or of another queue.
    private func chosen(
        _ dice: inout Dice, in queue: World.ModelQueue, _ snapshot: Snapshot
    ) -> [ScheduledReceipt] {
        let stale = Array(tickets.suffix(4).shuffled(using: &dice).prefix(1))
        guard let mark = received.last?.receipt.mark ?? tickets.last?.mark else { return stale }
        let waiting = snapshot.scheduled.filter { $0.value.name.queue == queue.id }.keys.sorted()
        let some = waiting.shuffled(using: &dice).prefix(Int.random(in: 1...3, using: &dice))
        return stale + some.map { ScheduledReceipt(queue: queue.id, ticket: $0, mark: mark) }
    }

    private func half(_ dice: inout Dice) -> HalfReceipt? { halves.suffix(4).randomElement(using: &dice) }

    /// The history's seed, and a count.
    private mutating func nextID() -> MessageID {
        let bytes = withUnsafeBytes(of: (seed.bigEndian, (0x8000_0000_0000_0000 | UInt64(ids.count)).bigEndian)) {
            $0.loadUnaligned(as: uuid_t.self)
        }
        let id = UUID(uuid: bytes)
        ids.append(id)
        return MessageID(id)
    }

    /// Mostly the client's own, or, when it has none, another one's; some are anybody's, from any time.
    private mutating func receipts(_ dice: inout Dice, of client: Int) -> [ReceivedMessage] {
        let count = Int.random(in: 1...4, using: &dice)
        if Int.random(in: 0..<6, using: &dice) == 0 { return Array(received.shuffled(using: &dice).prefix(count)) }
        let holders = [client] + fresh.keys.sorted()
        let holder = holders.first { fresh[$0]?.isEmpty == false } ?? client
        let held = fresh[holder] ?? []
        fresh[holder] = Array(held.dropFirst(count))
        return Array(held.prefix(count))
    }

    private func endings(on messages: [ReceivedMessage], _ dice: inout Dice) -> [Command.Ending] {
        let isPlain = Bool.random(using: &dice)
        return messages.map {
            Command.Ending(
                message: $0, kind: isPlain ? .done : Command.Ending.Kind.chosen.randomElement(using: &dice) ?? .done)
        }
    }

    /// Where order is kept, a consumer finishes the messages of a key in their order: those that position ahead in its hands come
    /// along, and those behind one that has to be tried again are held back.
    private func orderly(_ endings: [Command.Ending], seeing snapshot: Snapshot) -> [Command.Ending] {
        func key(_ message: ReceivedMessage) -> Key? {
            guard let queue = queues.first(where: { $0.id == message.receipt.queue }), queue.order != nil,
                snapshot.log[message.receipt]?.isOpen == true
            else { return nil }
            return message.message.key.map { Key(queue: queue.id, text: $0) }
        }
        var (ordered, orderly) = endings.partitioned { key($0.message) != nil }
        while let one = ordered.first.flatMap({ key($0.message) }) {
            let (same, others) = ordered.partitioned { key($0.message) == one }
            ordered = others
            var chosen: [Receipt: Command.Ending.Kind] = [:]
            for ending in same { chosen[ending.message.receipt] = ending.kind }
            let skips = queues.contains { $0.id == one.queue && $0.order == .skipOnFailure }
            var isStopped = false
            for message in received.filter({ key($0) == one }).sorted(by: { $0.receipt < $1.receipt }) {
                if chosen.isEmpty, !isStopped { break }
                let given = chosen.removeValue(forKey: message.receipt) ?? .done
                orderly.append(Command.Ending(message: message, kind: isStopped ? .heldBack : given))
                isStopped = isStopped || !(given == .done || given == .dead && skips)
            }
        }
        return orderly
    }
}
