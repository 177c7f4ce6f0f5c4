import Logging
import MessageQueue

extension Backend {
    /// For an answer that there is no room for: gives back what it hands over, with no attempt counted.
    func givingBack(_ received: [ReceivedMessage]) -> @Sendable () async -> Void {
        return { [broker, logger] in
            do { try await broker.release(received) } catch {
                logger.info("messages that nobody takes were not given back", metadata: ["error": "\(error)"])
            }
        }
    }

    /// The same, of half messages that a producer was to be asked about.
    func givingBack(_ halves: [HalfMessage]) -> @Sendable () async -> Void {
        return { [broker] in await broker.giveBackIfPossible(halves) }
    }
}
