/// Somebody at the desk.
public struct Visitor: Sendable, Equatable {
    /// What somebody may do.
    public enum Role: Sendable {
        /// Read.
        case viewer
        /// Read, and change what there is.
        case `operator`
    }

    /// Recorded with what they do.
    public let name: String
    /// What they may do.
    public let role: Role

    /// Somebody whom the adopter's own login knows.
    public init(_ name: String, _ role: Role) {
        self.name = name
        self.role = role
    }

    /// Whose request is being answered.
    public static var current: Visitor? { taken }

    @TaskLocal static var taken: Visitor?

    /// Whether whoever's request is being answered may change something.
    public static var mayChange: Bool { current?.role == .operator }
}
