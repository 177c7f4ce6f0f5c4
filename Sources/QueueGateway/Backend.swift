import Logging
import MessageQueue

/// What all dialects stand on.
struct Backend: Sendable {
    let broker: Broker
    let keys: KeyRing
    let handles: Handles
    let queues: Sheets<QueueName, QueueEntry>
    let topics: Sheets<TopicName, TopicSetup>
    let deletions: Deletions
    let logger: Logger

    init(_ broker: Broker, secret: GatewaySecret, logger: Logger, keys: KeyRing) {
        self.broker = broker
        self.keys = keys
        self.logger = logger
        handles = Handles(secret)
        queues = Sheets({ try await broker.queue($0) }, isQuiet: { broker.isQuiet($0, since: $1) })
        topics = Sheets { try await broker.topic($0) }
        deletions = Deletions(broker)
    }
}

extension Backend {
    /// Notes which access keys were used since the last time. Those that can't be noted now are the next time.
    ///
    /// - Parameter tellsFailures: whether the log is to have it.
    /// - Returns: whether they are noted.
    func noteUse(tellingFailures tellsFailures: Bool) async -> Bool {
        let used = keys.takeUsed()
        do { try await broker.noteUse(ofAccessKeys: used) } catch {
            for id in used { keys.use(id) }
            if tellsFailures {
                logger.info("the use of keys could not be noted, trying again", metadata: ["error": "\(error)"])
            }
            return false
        }
        return true
    }
}
