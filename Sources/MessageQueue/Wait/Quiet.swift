extension Broker {
    /// Whether nothing has come to a queue since then, and nobody has changed or deleted it, as far as rings tell: what was read of it
    /// then still holds.
    ///
    /// Always false while nobody of this process waits for the queue, or no rings come in. A ring may be lost, and who declares a queue
    /// anew rings nobody: what matters is read again after ``longestUnread`` all the same.
    package func isQuiet(_ queue: QueueName, since moment: ContinuousClock.Instant) -> Bool {
        catalogue.known(queue).map { waitingListener.isQuiet($0.id, since: moment) } ?? false
    }

    /// The same, of all access keys; false while nobody of this process waits for anything.
    package func areAccessKeysQuiet(since moment: ContinuousClock.Instant) -> Bool {
        waitingListener.isQuiet(Doorbell.accessKeys, since: moment)
    }

    /// As long as somebody who waits rests without a ring.
    package static let longestUnread = Doorbell.horizon
}
