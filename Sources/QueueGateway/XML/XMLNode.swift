/// An element of a document that a client has sent: its name without a prefix, its text, and what is in it.
struct XMLNode: Equatable, Sendable {
    let name: String
    var text = ""
    var children: [XMLNode] = []

    /// The text of the child of this name.
    subscript(_ name: String) -> String? { children.first { $0.name == name }?.text }

    func child(_ name: String) -> XMLNode? { children.first { $0.name == name } }
    func children(_ name: String) -> [XMLNode] { children.filter { $0.name == name } }

    /// A whole number in a child.
    ///
    /// - Throws: ``Refusal`` for one outside of the range, and for what is none.
    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text), range.contains(number) else { throw Refusal.outside(name, range) }
        return number
    }

    /// True or false, in any case.
    func flag(_ name: String) throws -> Bool? {
        switch self[name]?.lowercased() {
        case nil: return nil
        case "true": return true
        case "false": return false
        default: throw Refusal(.invalidArgument, "\(name) is True or False.")
        }
    }
}
