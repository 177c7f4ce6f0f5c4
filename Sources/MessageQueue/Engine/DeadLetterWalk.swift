import Foundation
import Logging
import Postgres

extension Broker {
    /// Acts on the dead letters that a filter means, portion by portion, as one action of an operator.
    func walk(
        _ filter: DeadLetterFilter, rate: Double?, _ deed: Deed, _ onBegin: (@Sendable (Int64) -> Void)?,
        _ act: @escaping DeadLetterWalk.Act
    ) async throws -> RedriveReport {
        let (origin, tickets) = try await match(filter)
        var walk = DeadLetterWalk(broker: self, origin: origin, deed: deed, onBegin: onBegin, act: act, rate: rate)
        return try await walk.run(through: tickets)
    }

    private func match(_ filter: DeadLetterFilter) async throws -> (Origin, [Int64]) {
        try await database.perform(isTransaction: false, within: nil) { session in
            let origin = try self.catalogue.origin(of: session)
            let tickets = try session.query(
                Self.matchDead, filter.queue?.text, filter.reason, filter.age, filter.message?.uuid, filter.key,
                filter.error, filter.tickets, filter.through
            ) { row in try row[0, as: Int64.self] }
            return (origin, tickets)
        }
    }

    static let matchDead = Statement("SELECT d.ticket \(matchingDead) ORDER BY d.ticket")
    static let stillDead: Statement = "SELECT count(*) FROM mq.dead_letters WHERE ticket = ANY ($1)"
}

/// How far an action on dead letters has come.
struct DeadLetterWalk: Sendable {
    /// Sends back or deletes, for the action of this number.
    ///
    /// - Returns: how many letters.
    typealias Act = @Sendable (_ tickets: [Int64], _ action: Int64, _ session: borrowing Session) throws -> Int

    let broker: Broker
    let origin: Origin
    let deed: Broker.Deed
    let onBegin: (@Sendable (Int64) -> Void)?
    let act: Act
    var rate: Double?
    fileprivate var action: Int64?
    fileprivate var report = RedriveReport()

    fileprivate mutating func run(through tickets: [Int64]) async throws -> RedriveReport {
        report.matched = tickets.count
        var rest = tickets[...]
        while !rest.isEmpty {
            let portion = rest.prefix(mostAtOnce)
            rest = rest[portion.endIndex...]
            try await carryOut(portion, isEnd: rest.isEmpty)
            await broker.flush()
            guard !rest.isEmpty, let action else { break }
            guard case .goOn(let wanted) = try await broker.wish(after: portion.count, at: rate, in: action) else {
                report.failed += rest.count
                break
            }
            rate = wanted
        }
        return report
    }

    private var mostAtOnce: Int { Int(max(1, min(500, (rate ?? .infinity) / 5))) }

    /// What is refused together is halved until the letter that is refused stands alone: that one stays.
    private mutating func carryOut(_ tickets: ArraySlice<Int64>, isEnd: Bool) async throws {
        do { try await carryOut(tickets, isEnd: isEnd, by: act) } catch let error as PostgresError
            where error.refusesData
        {
            guard tickets.count > 1 else {
                let facts: Logger.Metadata = ["ticket": "\(Array(tickets))", "error": "\(error)"]
                broker.logger.info("a dead letter stays", metadata: facts)
                return try await carryOut(tickets, isEnd: isEnd) { _, _, _ in 0 }
            }
            let middle = tickets.startIndex + tickets.count / 2
            try await carryOut(tickets[..<middle], isEnd: false)
            try await carryOut(tickets[middle...], isEnd: isEnd)
        }
    }

    /// In one transaction with how far the action has come, which begins with its first letters.
    private mutating func carryOut(_ some: ArraySlice<Int64>, isEnd: Bool, by act: @escaping Act) async throws {
        let tickets = Array(some)
        let done = try await broker.database.write { [self] session in
            // Elsewhere the same tickets are other letters.
            try broker.catalogue.stay(at: origin, in: session)
            let number = try action ?? broker.begin(deed, matched: report.matched, rate: rate, in: session)
            let moved = try act(tickets, number, session)
            let left = try session.query(Broker.stillDead, tickets) { row in try row[0, as: Int.self] }.first ?? 0
            broker.goOn(number, messages: moved, isEnd: isEnd, in: session)
            return (action: number, moved: moved, left: left)
        }
        if action == nil { onBegin?(done.action) }
        action = done.action
        report.count(tickets.count, moved: done.moved, left: done.left)
    }
}
