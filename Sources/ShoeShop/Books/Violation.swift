/// Two records that contradict each other.
public struct Violation: Hashable, Sendable, Codable, CustomStringConvertible {
    public enum Book: String, Sendable, Codable {
        case stock, money, parcels, orders
    }

    public let book: Book
    /// The article, order or ledger entry that it is about.
    public let subject: String
    public let detail: String

    public var description: String { "\(book.rawValue): \(subject): \(detail)" }
}

/// Compares our copy of a third party's ledger with the original.
struct LedgerComparison {
    typealias Entry = ProviderLedgers.Entry

    let book: Violation.Book
    /// What an entry is, such as `charge`.
    let noun: String
    /// Orders whose step may be between the provider's answer and our commit, so that the original is ahead of us.
    let underWay: Set<String>

    /// `theirs` has to be read after `ours`: what we know, they knew before.
    func violations(ours: [Entry], theirs: [Entry]) -> [Violation] {
        let original = Dictionary(grouping: theirs, by: \.orderID)
        let copied = Set(ours.map(\.orderID))
        let repeated = original.filter { $0.value.count > 1 }.map { order, entries in
            violation(order, "\(entries.count) \(noun)s: \(entries.map(\.id).sorted().joined(separator: ", "))")
        }
        let wrong = ours.filter { original[$0.orderID]?.contains($0) != true }.map { entry in
            violation(entry.orderID, "our \(noun) \(entry.id)\(amount(entry)) isn't in the provider's ledger")
        }
        let unknown = original.values.compactMap(\.first)
            .filter { !copied.contains($0.orderID) && !underWay.contains($0.orderID) }
            .map { violation($0.orderID, "the provider's \(noun) \($0.id)\(amount($0)) isn't in our books") }
        return (repeated + wrong + unknown).sorted { $0.subject < $1.subject }
    }

    private func violation(_ subject: String, _ detail: String) -> Violation {
        Violation(book: book, subject: subject, detail: detail)
    }

    private func amount(_ entry: Entry) -> String { entry.amount.map { " over \($0)" } ?? "" }
}
