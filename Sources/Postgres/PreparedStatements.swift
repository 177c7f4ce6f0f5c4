/// The statements that a session of our own has prepared.
struct PreparedStatements {
    struct Entry {
        let name: String
        let types: [UInt32]
    }

    private var entries: [Statement: Entry] = [:]
    private var count = 0
    private static let limit = 512

    /// Once there are so many, others are parsed each time: prepared ones would pile up in the server.
    func hasRoom(for statement: Statement) -> Bool { entries.count < Self.limit || entries[statement] != nil }

    /// A name that the session has not seen yet.
    mutating func next(for types: [UInt32]) -> Entry {
        count += 1
        return Entry(name: "s\(count)", types: types)
    }

    subscript(statement: Statement) -> Entry? {
        get { entries[statement] }
        set { entries[statement] = newValue }
    }
}
