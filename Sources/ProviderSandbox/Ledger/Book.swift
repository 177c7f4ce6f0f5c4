import Foundation
import NIOHTTP1

/// What a provider knows and how it decides, without files, clocks or HTTP connections.
protocol Book: Sendable {
    associatedtype Request: Codable & Equatable & Sendable
    associatedtype Outcome: Codable & Sendable

    init()

    /// The request that was posted to the path, or nil when nothing is to be posted there.
    static func request(from call: Call) throws(BadCall) -> Request?
    /// What becomes of a request now. Changes nothing.
    func outcome(of request: Request) -> Outcome
    /// Takes what was decided into the book; also at a restart, entry by entry.
    mutating func enter(_ entry: Entry<Self>)
    /// The same answer for the same entry, however often it is asked for.
    static func answer(for entry: Entry<Self>) -> Answer

    /// Everything, for audits.
    var statement: any Encodable & Sendable { get }
    /// Counts and sums.
    var summary: any Encodable & Sendable { get }
}

/// A line of a ledger: a request with the outcome that it had, for ever.
struct Entry<B: Book>: Codable, Sendable {
    let at: Date
    let key: String
    let request: B.Request
    let outcome: B.Outcome
}

extension Sequence<Int> {
    /// The sum of numbers that are 0 or more, or the largest number where none holds it.
    var boundedSum: Int {
        reduce(0) { sum, number in
            let (total, overflow) = sum.addingReportingOverflow(number)
            return overflow ? .max : total
        }
    }
}
