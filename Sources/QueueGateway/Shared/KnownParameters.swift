extension Query {
    private static let flags = ["metaoverride", "peekonly"]

    /// Lets no parameter pass that the call doesn't have, nor a flag that is neither true nor false: a mistake there would mean something
    /// else, such as to take messages instead of looking at them.
    ///
    /// - Parameter known: in lower case.
    /// - Throws: ``Refusal``.
    func allow(_ known: Set<String>) throws {
        if let name = names.subtracting(known).min() {
            throw Refusal(.unknownParameter, "This call has no parameter \(name.prefix(100)).")
        }
        for flag in Self.flags where !["true", "false", nil].contains(self[flag]?.lowercased()) {
            throw Refusal(.unknownParameter, "\(flag) is true or false.")
        }
    }
}
