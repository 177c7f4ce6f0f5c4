import Foundation
import Postgres
import Synchronization

@testable import MessageQueue

struct Parcel: Codable, Sendable {
    let number: Int
}

/// One call of a verb, with all that it is called with.
enum Deed: Sendable {
    case send([Outgoing<Parcel>], to: World.Line)
    case sendOnce([Outgoing<Parcel>], to: World.Line, by: String)
    case publish([Outgoing<Parcel>])
    case produce([[Outgoing<Parcel>]], to: World.Line)
    case receive(World.Line, limit: Int, lease: Duration?, settled: [Int64], first: Priority)
    case receiveByHand(World.Line, limit: Int)
    case finish([Verdict], number: Int)
    case extend([ReceivedMessage])
    case rescue(World.Line, from: [Int64], settled: [Int64])
    case rescueLost(World.Line)
    case promote(World.Line, limit: Int)
    case pause(World.Line)
    case resume(World.Line)
    case redrive(World.Line)
    case purge(World.Line)
    case retryBlocked(World.Line, key: String)
    case skipBlocked(World.Line, key: String)
    case retire(drops: Bool)
    case settle(World.Line, from: [Int64])
    case statistics

    struct Verdict: Sendable {
        enum Fate: Sendable {
            case done, retried, retriedLater, released, dead
            /// Behind one of its key that isn't done.
            case heldBack

            static let chosen: [Fate] = [.done, .retried, .retriedLater, .released, .dead]
        }
        let message: ReceivedMessage
        let fate: Fate
        var name: Name { Name(message) }
    }

    enum Answer: Sendable {
        case nothing
        case received([ReceivedMessage])
        case count(Int)
        case report(RedriveReport)
        case settlement(Broker.Settlement)
        case statistics([QueueStatistics])
        case lost(Set<Int64>, count: Int)
    }
}

extension Deed {
    static let later = World.hour

    /// Calls the verb, as an application or a worker would.
    func perform(by consumer: Int64, with broker: Broker) async throws -> Answer {
        switch self {
        case .send(let messages, let line):
            try await broker.send(messages, to: line.queue)
        case .sendOnce(let messages, let line, let key):
            return .count(try await broker.sendOnce(messages, to: line.queue, by: { _ in key }, within: Self.later))
        case .publish(let messages):
            try await broker.publish(messages, to: World.topic)
        case .produce(let batches, let line):
            try await broker.withProducer(of: line.queue) { producer in
                for messages in batches { try await producer.send(messages) }
            }
        case .receive(let line, let limit, let lease, let settled, let first):
            return .received(
                try await broker.database.perform(isTransaction: false, within: nil) { session in
                    let memory = Self.memory(of: line.id, in: broker)
                    while Priority.first(inTurn: memory.nextTurn() + 1) != first.rawValue {}
                    memory.settled.withLock { $0 = settled }
                    let claimer = Broker.Claimer(consumer: consumer, lease: lease, memory: memory)
                    return try broker.receive(line.entry(of: broker), by: claimer, limit: limit, in: session).messages
                })
        case .receiveByHand(let line, let limit):
            return .received(try await broker.receive(line.name, limit: limit, lease: Self.later))
        case .finish(let verdicts, let number):
            try await broker.write { session in
                session.pipeline("INSERT INTO effect (deed) VALUES ($1)", Int32(number))
                Self.finish(verdicts, with: broker, in: session)
            }
        case .extend(let messages):
            try await broker.extend(messages, by: Self.later)
        case .rescue(let line, let gone, let settled):
            return .count(try await broker.rescue(line.entry(of: broker), from: gone, settled: settled))
        case .rescueLost(let line):
            let gone = try await broker.findGone(except: consumer, on: broker.database).unlocked
            let count = try await broker.rescue(line.entry(of: broker), from: gone.sorted(), settled: [])
            return .lost(gone, count: count)
        case .promote(let line, let limit):
            return .count(try await broker.promote(line.entry(of: broker), limit: limit, on: broker.database).moved)
        case .pause(let line): try await broker.pause(line.name)
        case .resume(let line): try await broker.resume(line.name)
        case .redrive(let line): return .report(try await broker.redrive(.init(queue: line.name)))
        case .purge(let line): return .report(try await broker.purge(.init(queue: line.name)))
        case .retryBlocked(let line, let key):
            return .count(try await broker.retryBlocked(line.name, key: key) ? 1 : 0)
        case .skipBlocked(let line, let key):
            return .count(try await broker.skipBlocked(line.name, key: key) ? 1 : 0)
        case .retire(let drops):
            // While it waits for a lock, nobody else moves: whether it gets one is known at once.
            let retention = Broker.Retention(keep: drops ? .zero : Self.later, rotate: .zero)
            try await broker.retire(retention, patience: .milliseconds(3))
        case .settle(let line, let settled):
            return .settlement(try await broker.settle(line.id, from: settled, on: broker.database))
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

    private static func finish(_ verdicts: [Verdict], with broker: Broker, in session: borrowing Session) {
        func messages(_ fate: Verdict.Fate) -> [ReceivedMessage] {
            verdicts.filter { $0.fate == fate }.map(\.message)
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

extension Deed {
    /// What is sent by it, copy by copy.
    func names(in lines: [World.Line]) -> [Name] {
        switch self {
        case .send(let messages, let line), .sendOnce(let messages, let line, _):
            messages.map { Name(queue: line.id, id: $0.id.uuid) }
        case .produce(let batches, let line): batches.joined().map { Name(queue: line.id, id: $0.id.uuid) }
        case .publish(let messages):
            lines.flatMap { line in
                messages.filter { line.hears($0.tag) }.map { Name(queue: line.id, id: $0.id.uuid) }
            }
        default: []
        }
    }

    /// What has to be open for it to succeed.
    var receipts: [ReceivedMessage] {
        switch self {
        case .finish(let verdicts, _): verdicts.map(\.message)
        case .extend(let messages): messages
        default: []
        }
    }
}

extension Deed: CustomStringConvertible {
    var description: String {
        func names(_ messages: [Outgoing<Parcel>]) -> String {
            messages.map { "\($0.id.description.suffix(4))\($0.key ?? "")\($0.delay > .zero ? " later" : "")" }
                .joined(separator: ", ")
        }
        func places(_ messages: [ReceivedMessage]) -> String {
            messages.map { "\($0.receipt)" }.joined(separator: ", ")
        }
        return switch self {
        case .send(let messages, let line): "send \(names(messages)) to \(line.name)"
        case .sendOnce(let messages, let line, let key): "send once \(names(messages)) to \(line.name) as \(key)"
        case .produce(let batches, let line): "produce \(batches.map(names)) in \(line.name)"
        case .publish(let messages): "publish \(names(messages)) with \(messages.map { $0.tag ?? "no tag" })"
        case .receive(let line, let limit, let lease, let settled, let first):
            "receive \(limit) of \(line.name)\(lease == nil ? "" : " for a time") knowing \(settled), \(first) first"
        case .receiveByHand(let line, let limit): "receive \(limit) of \(line.name) by hand"
        case .finish(let verdicts, let number):
            "finish (\(number)) \(verdicts.map { "\($0.message.receipt) \($0.fate)" }.joined(separator: ", "))"
        case .extend(let messages): "extend \(places(messages))"
        case .rescue(let line, let gone, let settled): "rescue in \(line.name) from \(gone), knowing \(settled)"
        case .rescueLost(let line): "rescue in \(line.name) from whoever is gone"
        case .promote(let line, let limit): "promote \(limit) in \(line.name)"
        case .pause(let line): "pause \(line.name)"
        case .resume(let line): "resume \(line.name)"
        case .redrive(let line): "redrive \(line.name)"
        case .purge(let line): "purge \(line.name)"
        case .retryBlocked(let line, let key): "retry what blocks \(key) in \(line.name)"
        case .skipBlocked(let line, let key): "skip what blocks \(key) in \(line.name)"
        case .retire(let drops): drops ? "open and drop segments" : "open a segment"
        case .settle(let line, let settled): "settle \(line.name) from \(settled)"
        case .statistics: "statistics"
        }
    }
}
