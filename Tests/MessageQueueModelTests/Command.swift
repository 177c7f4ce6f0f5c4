import Foundation
import Postgres
import Synchronization

@testable import MessageQueue

struct Parcel: Codable, Sendable {
    let number: Int
}

/// One call of a verb, with all that it is called with.
enum Command: Sendable {
    case send([Outgoing<Parcel>], to: World.ModelQueue)
    case sendOnce([Outgoing<Parcel>], to: World.ModelQueue, by: String)
    case publish([Outgoing<Parcel>])
    case publishLater([Outgoing<Parcel>])
    case sendUnderName([Outgoing<Parcel>], to: World.ModelQueue, Request)
    case publishUnderName([Outgoing<Parcel>], Request)
    case produce([[Outgoing<Parcel>]], to: World.ModelQueue)
    case schedule([Outgoing<Parcel>], to: World.ModelQueue)
    case cancelScheduled(ScheduledReceipt)
    case reschedule(ScheduledReceipt, to: Duration)
    case hasten([ScheduledReceipt], in: World.ModelQueue)
    case hastenRetrying(World.ModelQueue)
    case cancelChosen([ScheduledReceipt], in: World.ModelQueue)
    case prepareHalf(Outgoing<Parcel>)
    case commitHalf(HalfReceipt)
    case rollbackHalf(HalfReceipt)
    case checkHalves(limit: Int)
    case receive(World.ModelQueue, limit: Int, lease: Duration?, known: [Int64], first: Int16)
    case receiveByHand(World.ModelQueue, limit: Int)
    case peek(World.ModelQueue, limit: Int)
    case finish([Ending], number: Int)
    case extend([ReceivedMessage])
    case acknowledge([Receipt])
    case changeVisibility(Receipt, to: Duration)
    case discardOutdated
    case rescue(World.ModelQueue, from: [Int64], known: [Int64])
    case rescueLost(World.ModelQueue)
    case promote(World.ModelQueue, limit: Int)
    case pause(World.ModelQueue)
    case resume(World.ModelQueue)
    case redrive(World.ModelQueue)
    case purge(World.ModelQueue)
    case purgeWaiting(World.ModelQueue)
    case changeQueue(World.ModelQueue, attempts: Int, delay: Duration)
    case changeSubscription(World.ModelQueue, tags: [String])
    case subscribe(World.ModelQueue, tags: [String])
    case unsubscribe(World.ModelQueue)
    /// Of the spare queue.
    case deleteQueue, createQueue
    case retryBlocked(World.ModelQueue, key: String)
    case skipBlocked(World.ModelQueue, key: String)
    case retire(drops: Bool)
    case openPlaces(World.ModelQueue, since: OpenPlaces)
    case statistics

    struct Ending: Sendable {
        enum Kind: Sendable {
            case done, retried, retriedLater, released, dead
            /// Behind one of its key that isn't done.
            case heldBack

            static let chosen: [Kind] = [.done, .retried, .retriedLater, .released, .dead]
        }
        let message: ReceivedMessage
        let kind: Kind
        var name: Name { Name(message) }
    }

    enum Answer: Sendable {
        case nothing
        case received([ReceivedMessage])
        case waiting([WaitingMessage])
        case count(Int)
        case report(RedriveReport)
        case settings(QueueSettings)
        case subscription(Subscription)
        case openPlaces(OpenPlaces)
        case statistics([QueueStatistics])
        case lost(Set<Int64>, count: Int)
        case refused(Set<Receipt>)
        case visible(Visibility)
        case scheduled([ScheduledMessage])
        case acted([MessageID])
        case half(HalfReceipt)
        case halves([HalfMessage])
        case sentOnce(SentOnce)
    }

    /// What messages are sent once under.
    struct Request: Sendable {
        let name: String
        let fingerprint: String
    }
}

extension Command {
    static let later = World.hour
    static let producers = "producers"

    /// Calls the verb, as an application or a worker would.
    func run(by consumer: Int64, with broker: Broker) async throws -> Answer {
        switch self {
        case .send(let messages, let queue):
            try await broker.send(messages, to: queue.typed)
        case .sendOnce(let messages, let queue, let key):
            return .count(try await broker.sendOnce(messages, to: queue.typed, by: { _ in key }, within: Self.later))
        case .publish(let messages):
            try await broker.publish(messages, to: World.topic)
        case .publishLater(let messages):
            try await broker.publish(messages, to: World.topic, after: Self.later)
        case .sendUnderName(let messages, let queue, let request):
            return .sentOnce(
                try await broker.sendOnce(
                    messages, to: queue.typed, under: request.name, fingerprint: request.fingerprint))
        case .publishUnderName(let messages, let request):
            return .sentOnce(
                try await broker.publishOnce(
                    messages, to: World.topic, under: request.name, fingerprint: request.fingerprint))
        case .produce(let batches, let queue):
            try await broker.withProducer(of: queue.typed) { producer in
                for messages in batches { try await producer.send(messages) }
            }
        case .schedule(let messages, let queue):
            return .scheduled(try await broker.schedule(messages, to: queue.typed))
        case .cancelScheduled(let receipt): return .count(try await broker.cancel(scheduled: receipt) ? 1 : 0)
        case .reschedule(let receipt, let delay):
            return .scheduled(try await broker.reschedule(receipt, to: delay).map { [$0] } ?? [])
        case .hasten(let receipts, let queue): return .acted(try await broker.hasten(receipts, in: queue.name))
        case .hastenRetrying(let queue): return .count(try await broker.hasten(retryingIn: queue.name))
        case .cancelChosen(let receipts, let queue):
            return .acted(try await broker.cancel(receipts, in: queue.name))
        case .prepareHalf(let message):
            return .half(try await broker.prepare(message, to: World.topic, by: Self.producers, check: Self.later))
        case .commitHalf(let receipt): return .count(try await broker.commit(half: receipt) ? 1 : 0)
        case .rollbackHalf(let receipt): return .count(try await broker.rollback(half: receipt) ? 1 : 0)
        case .checkHalves(let limit):
            return .halves(
                try await broker.halfMessages(
                    of: Self.producers, in: World.topic.name, limit: limit, lasting: Self.later))
        case .receive(let queue, let limit, let lease, let known, let first):
            return .received(
                try await broker.database.perform(isTransaction: false, within: nil) { session in
                    let memory = Self.memory(of: queue.id, in: broker)
                    while queue.levelsInTurn.first(inTurn: memory.nextTurn() + 1) != first {}
                    memory.watermarks.withLock { $0 = known }
                    let claimer = Broker.Claimer(consumer: consumer, lease: lease, memory: memory)
                    return try broker.receive(queue.entry(of: broker), by: claimer, limit: limit, in: session).messages
                })
        case .receiveByHand(let queue, let limit):
            return .received(try await broker.receive(queue.name, limit: limit, lease: Self.later))
        case .peek(let queue, let limit): return .waiting(try await broker.peek(queue.name, limit: limit))
        case .finish(let endings, let number):
            try await broker.database.write { session in
                session.pipeline("INSERT INTO effect (command) VALUES ($1)", Int32(number))
                Self.finish(endings, with: broker, in: session)
            }
        case .extend(let messages):
            try await broker.extend(messages, to: Self.later)
        case .acknowledge(let receipts): return .refused(try await broker.acknowledge(receipts))
        case .changeVisibility(let receipt, let lease):
            return .visible(try await broker.changeVisibility(of: receipt, to: lease))
        case .discardOutdated: return .count(try await broker.discardOutdated())
        case .rescue(let queue, let gone, let known):
            return .count(try await broker.rescue(queue.entry(of: broker), from: gone, beyond: known))
        case .rescueLost(let queue):
            let gone = try await broker.findGone(except: consumer, on: broker.database).unlocked
            let count = try await broker.rescue(queue.entry(of: broker), from: gone.sorted(), beyond: [])
            return .lost(gone, count: count)
        case .promote(let queue, let limit):
            return .count(try await broker.promote(queue.entry(of: broker), limit: limit, on: broker.database).moved)
        case .pause(let queue): try await broker.pause(queue.name)
        case .resume(let queue): try await broker.resume(queue.name)
        case .redrive(let queue): return .report(try await broker.redrive(.init(queue: queue.name)))
        case .purge(let queue): return .report(try await broker.purge(.init(queue: queue.name)))
        case .purgeWaiting(let queue): return .count(try await broker.purge(waitingIn: queue.name))
        case .changeQueue(let queue, let attempts, let delay):
            let entry = try await broker.change(queue: queue.name) { entry in
                entry.settings.retry.attempts = attempts
                entry.settings.delay = delay
            }
            return .settings(entry.settings)
        case .changeSubscription(let queue, let tags):
            let entry = try await broker.change(subscription: queue.name.text, of: World.topic.name) { $0.tags = tags }
            return .subscription(entry.subscription)
        case .subscribe(let queue, let tags):
            try await broker.subscribe(queue.name, to: World.topic.name, tags: tags)
        case .unsubscribe(let queue):
            return .count(try await broker.unsubscribe(queue.name, from: World.topic.name) ? 1 : 0)
        case .deleteQueue: return .count(try await broker.delete(queue: World.spareName) ? 1 : 0)
        case .createQueue:
            return .count(try await broker.create(queue: World.spareName, World.spareSettings) ? 1 : 0)
        case .retryBlocked(let queue, let key):
            return .count(try await broker.retryBlocked(queue.name, key: key) ? 1 : 0)
        case .skipBlocked(let queue, let key):
            return .count(try await broker.skipBlocked(queue.name, key: key) ? 1 : 0)
        case .retire(let drops):
            // While it waits for a lock, nobody else moves: whether it gets one is known at once.
            let retention = Broker.Retention(keep: drops ? .zero : Self.later, rotate: .zero)
            try await broker.retire(retention, patience: .milliseconds(3))
        case .openPlaces(let queue, let known):
            return .openPlaces(try await broker.openPlaces(of: queue.id, since: known, on: broker.database))
        case .statistics: return .statistics(try await broker.statistics())
        }
        return .nothing
    }

    /// Kept from claim to claim, as a worker does: also over those that failed.
    private static func memory(of queue: Int32, in broker: Broker) -> ClaimMemory {
        broker.byHand.withLock { memories in
            let memory = memories[queue] ?? ClaimMemory()
            memories[queue] = memory
            return memory
        }
    }

    private static func finish(_ endings: [Ending], with broker: Broker, in session: borrowing Session) {
        func messages(_ kind: Ending.Kind) -> [ReceivedMessage] {
            endings.filter { $0.kind == kind }.map(\.message)
        }
        let done = messages(.done)
        if !done.isEmpty { broker.complete(done, in: session) }
        broker.retry(messages(.retried).map { .init($0, after: .zero, error: "failed") }, in: session)
        broker.retry(messages(.retriedLater).map { .init($0, after: later, error: "failed") }, in: session)
        broker.release(messages(.released), in: session)
        broker.deadLetter(messages(.dead).map { .init($0, reason: "hopeless", error: nil) }, in: session)
        broker.holdBack(messages(.heldBack), in: session)
    }
}

extension Command {
    /// Sends in one transaction: what arrives by it is what it sent, wherever that goes by now.
    var sendsAtOnce: Bool {
        switch self {
        case .send, .sendOnce, .schedule, .publish, .publishLater, .sendUnderName, .publishUnderName, .commitHalf: true
        default: false
        }
    }

    /// Goes by the name of the spare queue, which may be gone, or another one by now.
    var isAboutSpare: Bool {
        switch self {
        case .send(_, let queue), .receiveByHand(let queue, _), .peek(let queue, _): queue.name == World.spareName
        default: false
        }
    }

    /// Ends messages of a queue for good, or gives them back.
    func finishes(in queue: Int32) -> Bool {
        switch self {
        case .finish(let endings, _): endings.contains { $0.message.receipt.queue == queue }
        case .acknowledge(let receipts): receipts.contains { $0.queue == queue }
        default: false
        }
    }

    /// What it sends in several.
    var names: [Name] {
        guard case .produce(let batches, let queue) = self else { return [] }
        return batches.joined().map { Name(queue: queue.id, id: $0.id.uuid) }
    }

    /// What has to be open for it to succeed.
    var receipts: [ReceivedMessage] {
        switch self {
        case .finish(let endings, _): endings.map(\.message)
        case .extend(let messages): messages
        default: []
        }
    }
}

extension Command: CustomStringConvertible {
    var description: String {
        func names(_ messages: [Outgoing<Parcel>]) -> String {
            messages.map { "\($0.id.description.suffix(4))\($0.key ?? "")\($0.delay ?? .zero > .zero ? " later" : "")" }
                .joined(separator: ", ")
        }
        func places(_ messages: [ReceivedMessage]) -> String {
            messages.map { "\($0.receipt)" }.joined(separator: ", ")
        }
        return switch self {
        case .send(let messages, let queue): "send \(names(messages)) to \(queue.name)"
        case .sendOnce(let messages, let queue, let key): "send once \(names(messages)) to \(queue.name) as \(key)"
        case .produce(let batches, let queue): "produce \(batches.map(names)) in \(queue.name)"
        case .schedule(let messages, let queue): "schedule \(names(messages)) to \(queue.name)"
        case .cancelScheduled(let receipt): "cancel \(receipt)"
        case .reschedule(let receipt, let delay): "make \(receipt) due after \(delay)"
        case .hasten(let receipts, let queue): "hasten \(receipts) in \(queue.name)"
        case .hastenRetrying(let queue): "hasten what is to be tried again in \(queue.name)"
        case .cancelChosen(let receipts, let queue): "cancel \(receipts) in \(queue.name)"
        case .prepareHalf(let message): "prepare \(names([message])) with \(message.tag ?? "no tag")"
        case .commitHalf(let receipt): "commit \(receipt)"
        case .rollbackHalf(let receipt): "roll back \(receipt)"
        case .checkHalves(let limit): "ask about \(limit) half messages"
        case .publish(let messages): "publish \(names(messages)) with \(messages.map { $0.tag ?? "no tag" })"
        case .publishLater(let messages):
            "publish for later \(names(messages)) with \(messages.map { $0.tag ?? "no tag" })"
        case .sendUnderName(let messages, let queue, let request):
            "send \(messages.count) to \(queue.name) as \(request.name) \(request.fingerprint)"
        case .publishUnderName(let messages, let request):
            "publish \(messages.count) with \(messages[0].tag ?? "no tag") as \(request.name) \(request.fingerprint)"
        case .receive(let queue, let limit, let lease, let known, let first):
            "receive \(limit) of \(queue.name)\(lease == nil ? "" : " for a time") knowing \(known), level \(first) first"
        case .receiveByHand(let queue, let limit): "receive \(limit) of \(queue.name) by hand"
        case .peek(let queue, let limit): "peek at \(limit) of \(queue.name)"
        case .finish(let endings, let number):
            "finish (\(number)) \(endings.map { "\($0.message.receipt) \($0.kind)" }.joined(separator: ", "))"
        case .extend(let messages): "extend \(places(messages))"
        case .acknowledge(let receipts): "acknowledge \(receipts)"
        case .discardOutdated: "discard what is outdated"
        case .changeVisibility(let receipt, let lease): "make \(receipt) visible after \(lease)"
        case .rescue(let queue, let gone, let known): "rescue in \(queue.name) from \(gone), knowing \(known)"
        case .rescueLost(let queue): "rescue in \(queue.name) from whoever is gone"
        case .promote(let queue, let limit): "promote \(limit) in \(queue.name)"
        case .pause(let queue): "pause \(queue.name)"
        case .resume(let queue): "resume \(queue.name)"
        case .redrive(let queue): "redrive \(queue.name)"
        case .purge(let queue): "purge \(queue.name)"
        case .purgeWaiting(let queue): "purge what waits in \(queue.name)"
        case .changeQueue(let queue, let attempts, let delay):
            "let \(queue.name) make \(attempts) attempts, and wait for \(delay)"
        case .changeSubscription(let queue, let tags): "let \(queue.name) hear \(tags) instead"
        case .subscribe(let queue, let tags): "let \(queue.name) hear \(tags)"
        case .unsubscribe(let queue): "let \(queue.name) hear nothing"
        case .deleteQueue: "delete \(World.spareName)"
        case .createQueue: "make \(World.spareName)"
        case .retryBlocked(let queue, let key): "retry what blocks \(key) in \(queue.name)"
        case .skipBlocked(let queue, let key): "skip what blocks \(key) in \(queue.name)"
        case .retire(let drops): drops ? "open and drop segments" : "open a segment"
        case .openPlaces(let queue, let known): "open places of \(queue.name) since \(known)"
        case .statistics: "statistics"
        }
    }
}
