import Logging
import MessageQueue

/// What all dialects stand on.
struct Backend: Sendable {
    let broker: Broker
    let keys: KeyRing
    let handles: Handles
    let sheets: QueueSheets
    let deletions: Deletions
    let logger: Logger

    init(_ broker: Broker, secret: GatewaySecret, logger: Logger, keys: KeyRing) {
        self.broker = broker
        self.keys = keys
        self.logger = logger
        handles = Handles(secret)
        sheets = QueueSheets(broker)
        deletions = Deletions(broker)
    }
}
