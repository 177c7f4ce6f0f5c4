import Postgres

/// Makes a trouble, or ends it, though the shop or another trouble is in the way: a lock is given to the other side of a
/// deadlock, a connection refused while another fault takes them all. That says nothing about the shop, and passes.
struct Insistence: Sendable {
    /// What could not be done, as the beginning of a sentence.
    let failure: String
    /// Is told each time that it could not be done yet.
    let tell: @Sendable (String) async -> Void
    /// Which errors are worth another attempt.
    var passes: @Sendable (PostgresError) -> Bool = { $0.isRetryable }
    /// Takes back what was made half way, for an attempt that begins anew.
    var undo: @Sendable () async -> Void = {}

    /// For so long it is tried again.
    private static let patience = Duration.seconds(60)

    /// - Throws: ``ScenarioError`` once it can't be waited out.
    func callAsFunction(_ body: () async throws -> Void) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while true {
            do { return try await body() } catch let error as PostgresError {
                guard passes(error), ContinuousClock.now < deadline else {
                    throw ScenarioError(.faultFailed, "\(failure): \(error)")
                }
                await undo()
                await tell("\(failure) yet, trying again: \(error.message)")
                // Whoever is in the way gives no sign when that is over.
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }
}
