import MessageQueue

extension Errands {
    /// As ``begin(_:)``, of an action on dead letters.
    ///
    /// - Throws: ``Problem`` when too much is waiting, and what kept the action from its beginning.
    func beginReported(
        _ act: @escaping @Sendable (_ onBegin: @escaping @Sendable (Int64) -> Void) async throws -> RedriveReport
    ) async throws -> Int64? {
        do { return try await begin { begun in _ = try await act(begun) } } catch is AreTooMany {
            throw Problem(.tooManyRequests, "Too much is waiting to be done, or the gateway is about to stop.")
        }
    }
}
