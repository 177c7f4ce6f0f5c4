import Postgres

extension Broker {
    /// Holds messages of ordered queues back that stand behind one of their key which failed.
    ///
    /// Guarantee: only the holder of the current lease can do this. Burns no attempt; they are delivered again after the one
    /// that failed.
    func holdBack(_ messages: [ReceivedMessage], in session: borrowing Session) {
        guard !messages.isEmpty else { return }
        finish(messages, as: .held, in: session)
        hold(messages.map { HeldMessage($0, attempt: $0.attempt) }, in: session)
    }

    /// A message of an ordered queue on its way back to the head of its key.
    struct HeldMessage: Sendable {
        let message: ReceivedMessage
        let attempt: Int
        /// Until the key is tried again. Nil leaves that to the one that failed; ``Broker/untilAnOperatorActs`` is for ever.
        var delay: Double?
        var error: String?

        init(_ message: ReceivedMessage, attempt: Int, delay: Double? = nil, error: String? = nil) {
            self.message = message
            self.attempt = attempt
            self.delay = delay
            self.error = error
        }
    }

    static let untilAnOperatorActs = Double.infinity

    /// Blocks the keys of messages that have their completion already, and keeps the messages in order.
    func hold(_ messages: [HeldMessage], in session: borrowing Session) {
        for (queue, held) in Dictionary(grouping: messages, by: \.message.receipt.queue) {
            session.pipeline(
                Self.hold, queue, held.map(\.message.receipt.lane), held.map(\.message.receipt.seq),
                held.map { Int16(clamping: $0.attempt) }, held.map(\.delay), held.map(\.error))
            ring([queue], after: session)
        }
    }

    /// Lets keys go on whose messages are finished, after their completions. Only what was delivered anew has blocked anybody.
    func pass(_ messages: [ReceivedMessage], in session: borrowing Session) {
        pass(messages.map(\.receipt), in: session)
    }

    func pass(_ places: [Receipt], in session: borrowing Session) {
        for (queue, places) in Dictionary(grouping: places, by: \.queue) {
            guard let entry = catalogue.known(queue), entry.order != nil else { continue }
            let replayed = places.filter { $0.lane >= entry.lanes }
            if !replayed.isEmpty { session.pipeline(Self.pass, queue, replayed.map(\.lane), replayed.map(\.seq)) }
        }
    }

    /// Whether a message of the queue waits for the one ahead of it.
    func keepsOrder(_ message: ReceivedMessage) -> Bool { order(of: message) != nil }

    func order(of message: ReceivedMessage) -> KeyOrder? {
        message.message.key == nil ? nil : catalogue.known(message.receipt.queue)?.order
    }

    /// See `mq.hold` and `mq.pass`: they find messages by their places, and keys by their primary key, in key order.
    static let hold: Statement = "SELECT mq.hold($1, $2, $3, $4, $5, $6)"
    static let pass: Statement = "SELECT mq.pass($1, $2, $3)"
}
