/// Whoever acts on queues: a person at a desk or a command line, or a program for them.
///
/// ```swift
/// try await Operator("ada", via: "desk").act { try await broker.pause("orders") }
/// ```
/// Guarantee: each change by an operator's verb is recorded in the transaction that makes it, with the operator it was made
/// under; ``Broker/operatorActions(before:queue:by:verb:limit:)`` tells them. Without an operator the role of the database is
/// recorded alone; and queues, topics and subscriptions are then made, changed and deleted without a record, as programs do
/// at their start.
public struct Operator: Sendable, Equatable, Codable {
    /// Who it is, as the program knows it, such as a login.
    public let name: String
    /// What they act through, such as `desk`.
    public let via: String

    /// Both texts are cut to 200 bytes.
    public init(_ name: String, via: String) {
        self.name = name.storable(upTo: MessageLimits.nameBytes)
        self.via = via.storable(upTo: MessageLimits.nameBytes)
    }

    /// The one under whom this task acts.
    @TaskLocal public static var current: Operator?

    /// Runs `body` with this operator as the one who acts.
    public func act<T>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
    ) async rethrows -> T {
        try await Self.$current.withValue(self, operation: body)
    }
}
