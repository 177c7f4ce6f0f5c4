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
        queues = Sheets { try await broker.queue($0) }
        topics = Sheets { try await broker.topic($0) }
        deletions = Deletions(broker)
    }
}
