import Postgres

/// Acts on each item, whatever became of the others, and throws what went wrong first.
///
/// Trouble with the connection ends it at once: the rest would only meet the same. That an item asks for too much is its own trouble.
func eachByItself<Items: Sequence>(_ items: Items, _ act: (Items.Element) async throws -> Void) async throws {
    var failure: (any Error)?
    for item in items {
        do { try await act(item) } catch let error as PostgresError
            where error.isConnectionTrouble && !error.mayAskTooMuch
        {
            throw error
        } catch {
            failure = failure ?? error
        }
    }
    if let failure { throw failure }
}
