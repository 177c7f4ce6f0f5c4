import Postgres

extension Broker {
    /// What programs note for themselves of all queues and topics together; to the engine it means nothing.
    public func labels() async throws -> [String: String] {
        try await database.read(Self.readLabels) { Payloads.decode(headers: try $0[0]) }.first ?? [:]
    }

    /// Changes what programs note of all queues and topics together, ``MessageLimits/headerBytes`` at most. Under an ``Operator`` it is
    /// recorded as what they did, with the names of those that are different.
    ///
    /// Guarantee: what `change` is given is what is noted now, and nobody else changes it meanwhile.
    /// - Parameter change: in the transaction; it is called again when that has to be repeated.
    /// - Throws: ``QueueError/beyondLimit(_:)``, and what `change` throws; then nothing is changed.
    public func changeLabels(_ change: @escaping @Sendable (inout [String: String]) throws -> Void) async throws {
        let someone = Operator.current
        try await database.write { session in
            let old = try session.query(Self.lockLabels) { Payloads.decode(headers: try $0[0]) }.first ?? [:]
            var new = old
            try change(&new)
            guard let names = new.names(differingFrom: old) else { return }
            try MessageLimits.check(labels: new)
            try session.execute(Self.changeLabels, Payloads.encode(headers: new))
            if let someone { try self.record(Deed(.changeLabels, nil, ["labels": names], by: someone), in: session) }
        }
    }

    static let readLabels: Statement = "SELECT labels FROM mq.identity"
    /// Keeps others from changing them until the transaction ends.
    static let lockLabels: Statement = "SELECT labels FROM mq.identity FOR NO KEY UPDATE"
    static let changeLabels: Statement = "UPDATE mq.identity SET labels = coalesce($1::text::jsonb, '{}')"
}

extension [String: String] {
    /// The names of labels that are others than before; nil when all are the same. What they hold is the business of whoever set them,
    /// such as an address with a password.
    func names(differingFrom old: Self) -> String? {
        let names = Set(keys).union(old.keys).filter { self[$0] != old[$0] }
        return names.isEmpty ? nil : names.sorted().joined(separator: ", ")
    }
}
