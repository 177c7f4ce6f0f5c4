import MessageQueue

extension Errands {
    /// Begins an action on dead letters, which goes on when this has returned.
    ///
    /// - Parameter act: tells the action's number once it has begun.
    /// - Returns: the number; nil when there was nothing to do.
    /// - Throws: ``Problem`` when too much is waiting, and what kept the action from its beginning.
    func begin(
        _ act: @escaping @Sendable (_ onBegin: @escaping @Sendable (Int64) -> Void) async throws -> RedriveReport
    ) async throws -> Int64? {
        let (numbers, teller) = AsyncThrowingStream<Int64, any Error>.makeStream()
        do {
            try ask {
                do {
                    _ = try await act { teller.yield($0) }
                    teller.finish()
                } catch {
                    teller.finish(throwing: error)
                    throw error
                }
            }
        } catch {
            throw Problem(.tooManyRequests, "Too much is waiting to be done, or the gateway is about to stop.")
        }
        return try await numbers.first { _ in true }
    }
}
