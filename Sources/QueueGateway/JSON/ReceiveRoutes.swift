import HTTPTypes
import MessageQueue

/// Taking messages, and looking at them.
enum ReceiveRoutes {
    private static let batch = 1...100
    private static let leases = 0.001...43_200.0
    private static let waits = 0.0...30

    @Sendable static func receive(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.receive)
        var parameters = call.parameters
        let limit = parameters.integer("max", in: batch)
        let wait = parameters.seconds("waitSeconds", in: waits)
        let lease = parameters.seconds("leaseSeconds", in: leases)
        try parameters.end()
        try call.takeNoBody()
        let sheet = try await call.backend.queues.sheet(of: queue)
        let received = try await receive(
            queue, limit ?? 1, lease: lease ?? sheet.settings.lease, waiting: wait ?? .zero, call)
        let documents = received.map { message in
            MessageDocument.document(message, handle: call.backend.handles.handle(of: message.receipt, in: queue))
        }
        var answer = call.answer(.ok, ["messages": .array(documents)])
        answer.giveBack = call.backend.givingBack(received)
        return answer
    }

    /// Whoever waits when the gateway stops is told that nothing came.
    private static func receive(
        _ queue: QueueName, _ limit: Int, lease: Duration, waiting: Duration, _ call: JSONCall
    ) async throws -> [ReceivedMessage] {
        do {
            return try await call.broker.receive(queue, limit: limit, lease: lease, waiting: waiting)
        } catch is CancellationError { return [] }
    }

    @Sendable static func peek(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.read)
        var parameters = call.parameters
        let limit = parameters.integer("max", in: batch)
        try parameters.end()
        let waiting = try await call.broker.peek(queue, limit: limit ?? 1)
        return call.answer(.ok, ["messages": .array(waiting.map { MessageDocument.document($0) })])
    }
}

extension JSONCall {
    func takeNoBody() throws {
        if !call.body.isEmpty { throw Problem(.invalidRequest, "This call has no body: everything is a parameter.") }
    }
}

extension JSONCall {
    /// Those that the body names.
    ///
    /// - Throws: ``Problem`` for none, and for more than `most`.
    func receipts(atMost most: Int) throws -> [String] {
        try takeNoParameters()
        var fields = try fields()
        let handles = fields.texts("receipts", atMost: most, upTo: 1000) ?? []
        if handles.isEmpty, fields.wrong.isEmpty { fields.refuse("receipts", "has to have 1 to \(most) receipts") }
        try fields.end()
        return handles
    }
}

/// What is done with a receipt.
enum ReceiptRoutes {
    private static let most = 1000
    private static let leases = 0.0...43_200

    private enum Outcome: String {
        case acknowledged
        /// It was not due yet, and never is.
        case cancelled
        case lost
        /// It is none of this queue's.
        case unreadable
    }

    @Sendable static func acknowledge(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.receive)
        let handles = try call.receipts(atMost: most)
        _ = try await call.backend.queues.sheet(of: queue)
        let outcomes = try await finish(handles, of: queue, call)
        let results = zip(handles, outcomes).map { handle, outcome -> JSONText in
            ["receipt": .string(handle), "outcome": .string(outcome.rawValue)]
        }
        return call.answer(.ok, ["results": .array(results)])
    }

    private static func finish(
        _ handles: [String], of queue: QueueName, _ call: JSONCall
    ) async throws -> [Outcome] {
        let texts = handles.map { try? call.backend.handles.receipt(in: $0, of: queue) }
        let receipts = texts.map { $0.flatMap { Receipt($0) } }
        var finished = try await call.backend.deletions.delete(receipts.compactMap(\.self))[...]
        var outcomes: [Outcome] = []
        for (text, receipt) in zip(texts, receipts) {
            if receipt != nil {
                outcomes.append(finished.removeFirst() ? .acknowledged : .lost)
            } else if let scheduled = text.flatMap({ ScheduledReceipt($0) }) {
                outcomes.append(try await call.broker.cancel(scheduled: scheduled) ? .cancelled : .lost)
            } else {
                outcomes.append(.unreadable)
            }
        }
        return outcomes
    }

    @Sendable static func changeVisibility(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.receive)
        try call.takeNoParameters()
        var fields = try call.fields()
        let handle = fields.text("receipt", upTo: 1000)
        let lease = fields.seconds("leaseSeconds", in: leases)
        if handle == nil { fields.refuse("receipt", "is needed") }
        if lease == nil { fields.refuse("leaseSeconds", "is needed") }
        try fields.end()
        _ = try await call.backend.queues.sheet(of: queue)
        guard let text = try? call.backend.handles.receipt(in: handle ?? "", of: queue) else { throw lost }
        return try await change(text, in: queue, to: lease ?? .zero, call)
    }

    private static func change(
        _ text: String, in queue: QueueName, to lease: Duration, _ call: JSONCall
    ) async throws -> Answer {
        if let receipt = ScheduledReceipt(text) {
            guard let moved = try await call.broker.reschedule(receipt, to: lease) else { throw lost }
            return call.answer(
                .ok,
                [
                    "receipt": .string(call.backend.handles.handle(of: moved.receipt, in: queue)),
                    "leaseEnds": .of(moved.dueAt),
                ])
        }
        guard let receipt = Receipt(text) else { throw lost }
        let visibility = try await call.broker.changeVisibility(of: receipt, to: lease)
        return call.answer(
            .ok,
            [
                "receipt": .string(call.backend.handles.handle(of: visibility.receipt, in: queue)),
                "leaseEnds": .of(visibility.leaseEnds),
            ])
    }

    private static var lost: Problem {
        Problem(.leaseLost, "The message is finished, given to somebody else, or none of this queue's.")
    }
}
