import HTTPTypes
import MessageQueue

/// What is done with the messages of one queue.
struct MessageCalls {
    let backend: Backend
    let account: Account
    let queue: QueueName
    var broker: Broker { backend.broker }

    static let batch = 1...16

    /// - Throws: ``Refusal`` for a name that no queue can have.
    init(_ backend: Backend, _ account: Account, queue: String) throws {
        guard queue.canBeName else { throw Refusal.noSuchQueue(queue) }
        self.backend = backend
        self.account = account
        self.queue = QueueName(queue)
    }

    func answer(_ call: Call) async throws -> Answer {
        switch call.method {
        case .post:
            try account.demand(.send, onQueue: queue.text)
            return try await send(call, to: try await sheet())
        case .get where call.query.isTrue("peekonly"):
            try account.demand(.read, onQueue: queue.text)
            return try await peek(call, in: try await sheet())
        case .get:
            try account.demand(.receive, onQueue: queue.text)
            return try await receive(call, from: try await sheet())
        case .delete:
            try account.demand(.receive, onQueue: queue.text)
            _ = try await sheet()
            return try await call.query["ReceiptHandle"] == nil ? deleteMany(call) : deleteOne(call)
        case .put:
            try account.demand(.receive, onQueue: queue.text)
            return try await changeVisibility(call, in: try await sheet())
        default: throw Refusal.unknownPath
        }
    }

    /// Whether there is such a queue is told before what is wrong with the call.
    private func sheet() async throws -> QueueEntry { try await backend.queues.sheet(of: queue) }
}
