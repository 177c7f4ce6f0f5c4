import Logging
import Metrics

/// What a worker did; for tests, metrics and logs.
public enum WorkerEvent: Sendable, Equatable {
    case connected(consumer: Int64)
    case disconnected(error: String)
    case received(QueueName, count: Int)
    case done(QueueName, count: Int)
    case retried(QueueName, MessageID, error: String)
    case deadLettered(QueueName, MessageID, reason: String)
    /// A dead letter because the server refuses to store what was to become of the message.
    case outcomeRefused(QueueName, MessageID, error: String)
    case released(QueueName, count: Int)
    case leaseLost(QueueName, MessageID)
    case rescued(QueueName, count: Int)
    case consumerLost(Int64)
    case commitDelayed(QueueName, error: String)
    /// The machine is used up, so a claim or a commit waits a little for more to come together.
    case lingered(QueueName)
    /// Messages stand behind one of their key that failed, and go back without having been handled.
    case heldBack(QueueName, count: Int)
    /// The step claims nothing while the third party it needs is down.
    case breakerOpened(QueueName, error: String)
    case breakerClosed(QueueName)
}

/// Turns events into metrics and log lines, and passes them on.
struct WorkerJournal: Sendable {
    let logger: Logger
    let onEvent: (@Sendable (WorkerEvent) -> Void)?

    func record(_ event: WorkerEvent) {
        count(event)
        log(event)
        onEvent?(event)
    }

    /// A loop that goes round says so; one that stopped is seen by the age of its last beat.
    func beat(_ loop: String) {
        Metric.loopBeat.gauge(loop).record(Wall.now)
    }

    /// What happens seldom; deliveries are counted by ``StepMetrics``.
    private func count(_ event: WorkerEvent) {
        switch event {
        case .received, .done, .retried, .deadLettered, .outcomeRefused, .released, .leaseLost, .heldBack, .lingered:
            break
        case .rescued(let queue, let count): Metric.rescued.counter(queue.text).increment(by: count)
        case .commitDelayed(let queue, _): Metric.commitDelayed.counter(queue.text).increment()
        case .breakerOpened(let queue, _):
            Metric.breakerOpen.gauge(queue.text).record(1)
            Metric.breakerOpened.counter(queue.text).increment()
        case .breakerClosed(let queue): Metric.breakerOpen.gauge(queue.text).record(0)
        case .connected: Metric.consumerConnected.gauge().record(1)
        case .disconnected: Metric.consumerConnected.gauge().record(0)
        case .consumerLost: Metric.consumersLost.counter().increment()
        }
    }

    private func log(_ event: WorkerEvent) {
        switch event {
        case .received, .done, .released, .heldBack, .lingered: break
        case .connected(let consumer): logger.info("connected", metadata: ["consumer": "\(consumer)"])
        case .disconnected(let error): logger.info("connection lost, trying again", metadata: ["error": "\(error)"])
        case .retried(let queue, let id, let error):
            logger.info("retrying", metadata: ["queue": "\(queue)", "message": "\(id)", "error": "\(error)"])
        case .deadLettered(let queue, let id, let reason):
            logger.info("dead letter", metadata: ["queue": "\(queue)", "message": "\(id)", "reason": "\(reason)"])
        case .outcomeRefused(let queue, let id, let error):
            logger.info(
                "the outcome can't be stored, dead letter",
                metadata: ["queue": "\(queue)", "message": "\(id)", "error": "\(error)"])
        case .leaseLost(let queue, let id):
            logger.info("lease lost, nothing changed", metadata: ["queue": "\(queue)", "message": "\(id)"])
        case .rescued(let queue, let count):
            logger.info("rescued", metadata: ["queue": "\(queue)", "messages": "\(count)"])
        case .consumerLost(let consumer): logger.info("consumer lost", metadata: ["consumer": "\(consumer)"])
        case .commitDelayed(let queue, let error):
            logger.info("commit delayed, trying again", metadata: ["queue": "\(queue)", "error": "\(error)"])
        case .breakerOpened(let queue, let error):
            logger.info("breaker open, claiming nothing", metadata: ["queue": "\(queue)", "error": "\(error)"])
        case .breakerClosed(let queue): logger.info("breaker closed", metadata: ["queue": "\(queue)"])
        }
    }
}
