import HTTPTypes

/// The calls by which MNS makes, changes, shows, lists and deletes things of a kind.
protocol NamedCalls {
    /// For calls about something that is there already.
    ///
    /// - Throws: ``Refusal`` for a name that nothing can have.
    func check(_ name: String) throws
    func create(_ call: Call, _ name: String) async throws -> Answer
    func set(_ call: Call, _ name: String) async throws -> Answer
    func get(_ call: Call, _ name: String) async throws -> Answer
    func delete(_ call: Call, _ name: String) async throws -> Answer
    func list(_ call: Call) async throws -> Answer
}

extension NamedCalls {
    /// - Parameter place: of the name in the path; a path that ends before it is the list's.
    func answer(_ call: Call, nameAt place: Int) async throws -> Answer {
        guard call.path.count > place else {
            guard call.method == .get else { throw Refusal.unknownPath }
            return try await list(call)
        }
        let name = call.path[place]
        // What is to be made has a narrower rule, and words of its own.
        if call.method == .put, !call.query.isTrue("metaoverride") { return try await create(call, name) }
        try check(name)
        return switch call.method {
        case .put: try await set(call, name)
        case .get: try await get(call, name)
        case .delete: try await delete(call, name)
        default: throw Refusal.unknownPath
        }
    }
}
