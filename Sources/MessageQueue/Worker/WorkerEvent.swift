import Logging
import Metrics

/// What a worker did; for tests, metrics and logs.
public enum WorkerEvent: Sendable, Equatable {
    /// The worker's own connection is up; this is the number it claims under.
    case connected(consumer: Int64)
    /// That connection is gone; another one is tried for until the worker stops.
    case disconnected(error: String)
    /// A claim brought messages.
    case received(QueueName, count: Int)
    /// Messages were handled, their effects committed.
    case done(QueueName, count: Int)
    /// A message failed, and is tried again.
    case retried(QueueName, MessageID, error: String)
    /// A message failed for good. In a queue with ``KeyOrder/blockOnFailure`` it blocks its key.
    case deadLettered(QueueName, MessageID, reason: String, error: String?)
    /// A dead letter because the server refuses to store what was to become of the message.
    case outcomeRefused(QueueName, MessageID, error: String)
    /// The server refuses to store even the dead letter of a message, or refuses what was to become of it for something that
    /// somebody may mend, such as a missing right: it comes again in a minute.
    case deadLetterRefused(QueueName, MessageID, error: String)
    /// Messages were given back without counting the attempt: by a snooze, a breaker, or at the end.
    case released(QueueName, count: Int)
    /// A message had been finished already. Mostly by another worker that took it over, and nothing of this attempt was kept; or by an
    /// earlier commit of this one that was not confirmed, and then ``commitDelayed(_:error:)`` told so before.
    case leaseLost(QueueName, MessageID)
    /// Messages were taken from consumers that are gone, or whose lease has ended.
    case rescued(QueueName, count: Int)
    /// A consumer was given up: it is gone, or gave no sign of life for too long.
    case consumerLost(Int64)
    /// What became of messages could not be written down, and is tried again.
    case commitDelayed(QueueName, error: String)
    /// The machine is used up, so a claim or a commit waits a little for more to come together.
    case lingered(QueueName)
    /// Messages stand behind one of their key that failed, and go back without having been handled.
    case heldBack(QueueName, count: Int)
    /// The step claims nothing while the third party it needs is down.
    case breakerOpened(QueueName, error: String)
    /// The third party is there again, and so is the step.
    case breakerClosed(QueueName)
}

/// Turns events into metrics and log lines, and passes them on.
struct WorkerJournal: Sendable {
    let logger: Logger
    let onEvent: (@Sendable (WorkerEvent) -> Void)?
    let breakers = OpenBreakers()

    /// - Parameter message: what it happened to, where that is one message.
    func record(_ event: WorkerEvent, of message: ReceivedMessage? = nil) {
        count(event)
        breakers.note(event)
        log(event, message?.logMetadata ?? [:])
        onEvent?(event)
    }

    /// What happens seldom; deliveries are counted by ``StepMetrics``.
    private func count(_ event: WorkerEvent) {
        switch event {
        case .received, .done, .retried, .deadLettered, .outcomeRefused, .deadLetterRefused, .released, .leaseLost,
            .heldBack, .lingered:
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

    private func log(_ event: WorkerEvent, _ message: Logger.Metadata) {
        switch event {
        case .received, .done, .released, .heldBack, .lingered: break
        case .connected(let consumer): logger.info("connected", metadata: ["consumer": "\(consumer)"])
        case .disconnected(let error): logger.info("connection lost, trying again", metadata: ["error": "\(error)"])
        case .retried(_, _, let error):
            logger.info("retrying", metadata: message.merging(["error": "\(error)"]) { $1 })
        case .deadLettered(_, _, let reason, let error):
            let why: Logger.Metadata = ["reason": "\(reason)", "error": "\(error ?? "none")"]
            logger.info("dead letter", metadata: message.merging(why) { $1 })
        case .outcomeRefused(_, _, let error):
            logger.info(
                "the outcome can't be stored, dead letter", metadata: message.merging(["error": "\(error)"]) { $1 })
        case .deadLetterRefused(_, _, let error):
            logger.info(
                "what is to become of the message can't be stored, trying again in a minute",
                metadata: message.merging(["error": "\(error)"]) { $1 })
        case .leaseLost:
            logger.info("finished already, by a commit that was not confirmed or by another worker", metadata: message)
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
