import Foundation
import HTTPTypes
import MessageQueue
import StrictJSON

/// Messages that were given up.
enum DeadLetterRoutes {
    private static let century = 3_162_240_000.0

    @Sendable static func groups(_ call: JSONCall) async throws -> Answer {
        var parameters = call.parameters
        let queue = parameters.text("queue")
        try parameters.end()
        if let queue { try await call.demandQueue(queue) }
        let groups = try await call.broker.deadLetterGroups(of: queue.map { QueueName($0) }).filter {
            call.account.mayUse(.read, on: "queues/\($0.queue)")
        }
        return call.answer(.ok, ["groups": .array(groups.map(document))])
    }

    private static func document(_ group: DeadLetterGroup) -> JSONText {
        [
            "queue": .of(group.queue), "reason": .string(group.reason), "count": .integer(group.count),
            "first": .of(group.first), "last": .of(group.last),
        ]
    }

    @Sendable static func list(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.read)
        var parameters = call.parameters
        let filter = filter(queue, &parameters)
        let ticket = parameters.integer("after", in: 0...Int.max) ?? 0
        let limit = parameters.integer("limit", in: 1...100) ?? 20
        try parameters.end()
        _ = try await call.backend.queues.sheet(of: queue)
        let (letters, isEnd) = try await page(of: filter, after: Int64(ticket), limit, call)
        let next = isEnd ? nil : letters.last.map { Int($0.ticket) }
        return call.answer(.ok, ["deadLetters": .array(letters.map(document)), "next": .of(next)])
    }

    private static let portion = 8

    /// Read in portions, until there are as many as are asked for, or as much as one answer brings.
    private static func page(
        of filter: DeadLetterFilter, after ticket: Int64, _ limit: Int, _ call: JSONCall
    ) async throws -> (letters: ArraySlice<DeadLetter>, isEnd: Bool) {
        var letters: [DeadLetter] = []
        // One more tells that there are more.
        while letters.count <= limit {
            let count = min(portion, limit + 1 - letters.count)
            let found = try await call.broker.deadLetters(filter, after: letters.last?.ticket ?? ticket, limit: count)
            letters += found
            if found.count < count { return (letters[...], true) }
            if letters.count <= limit, HandfulOfBodies.isFull(letters.lazy.map(\.message)) {
                return (letters[...], false)
            }
        }
        return (letters.prefix(limit), false)
    }

    private static func filter(_ queue: QueueName, _ parameters: inout Parameters) -> DeadLetterFilter {
        let message = parameters.text("message").map { MessageID($0) }
        if message == .some(nil) { parameters.refuse("message", "has to be the id of a message") }
        return DeadLetterFilter(
            queue: queue, reason: parameters.text("reason"),
            olderThan: parameters.seconds("olderThanSeconds", in: 0...century), message: message ?? nil,
            key: parameters.text("key"), error: parameters.text("error"))
    }

    private static func document(_ letter: DeadLetter) -> JSONText {
        MessageDocument.document(letter.message).adding([
            ("ticket", .integer(Int(letter.ticket))), ("attempts", .integer(letter.attempts)),
            ("reason", .string(letter.reason)), ("error", .of(letter.error)), ("diedAt", .of(letter.diedAt)),
            ("history", letter.history.map { .written(Array($0.utf8)) } ?? .array([])),
        ])
    }

    @Sendable static func redrive(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.manage)
        try call.takeNoParameters()
        var fields = try call.fields(isNeeded: false)
        let filter = filter(queue, &fields)
        let rate = fields.number("ratePerSecond", in: QueueWish.rates)
        try fields.end()
        return try await begin(call, queue) { begun in
            try await call.broker.redrive(filter, rate: rate, onBegin: begun)
        }
    }

    @Sendable static func purge(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.manage)
        try call.takeNoParameters()
        var fields = try call.fields(isNeeded: false)
        let filter = filter(queue, &fields)
        try fields.end()
        return try await begin(call, queue) { begun in try await call.broker.purge(filter, onBegin: begun) }
    }

    private static func filter(_ queue: QueueName, _ fields: inout Fields) -> DeadLetterFilter {
        guard var told = fields.object("filter") else { return DeadLetterFilter(queue: queue) }
        defer { fields.absorb(told) }
        let message = told.text("message", upTo: 36).map { MessageID($0) }
        if message == .some(nil) { told.refuse("message", "has to be the id of a message") }
        return DeadLetterFilter(
            queue: queue, reason: told.text("reason", upTo: MessageLimits.reasonBytes),
            olderThan: told.seconds("olderThanSeconds", in: 0...century), message: message ?? nil,
            key: told.text("key", upTo: MessageLimits.keyBytes),
            error: told.text("error", upTo: 1000), tickets: tickets(&told))
    }

    private static func tickets(_ fields: inout Fields) -> [Int64]? {
        guard let node = fields.node("tickets") else { return nil }
        let elements = node.elements(atMost: mostTickets + 1)
        let tickets = elements?.compactMap(\.integer).map { Int64($0) }
        if let tickets, tickets.count == elements?.count, tickets.count <= mostTickets { return tickets }
        fields.refuse("tickets", "has to be a list of \(mostTickets) whole numbers at the most")
        return nil
    }

    private static let mostTickets = 1000

    /// Answers as soon as it has begun; how it goes on tells the action.
    private static func begin(
        _ call: JSONCall, _ queue: QueueName,
        _ act: @escaping @Sendable (@escaping @Sendable (Int64) -> Void) async throws -> RedriveReport
    ) async throws -> Answer {
        _ = try await call.backend.queues.sheet(of: queue)
        let number = try await call.errands.beginReported { begun in
            // It is done in another task than the call's.
            try await call.account.caller.act { try await act(begun) }
        }
        guard let number, let action = try await call.broker.operatorAction(number) else {
            return call.answer(.ok, ["action": .null])
        }
        return call.answer(
            .accepted, ["action": ActionRoutes.document(action)], location: "/v1/actions/\(number)")
    }
}

extension JSONCall {
    /// Of a queue that a parameter names.
    fileprivate func demandQueue(_ name: String) async throws {
        try account.demand(.read, onQueue: name)
        guard name.canBeName else { throw Refusal.noSuchQueue(name) }
        _ = try await backend.queues.sheet(of: QueueName(name))
    }
}

/// Redrives and purges of dead letters, as they go on.
enum ActionRoutes {
    @Sendable static func get(_ call: JSONCall) async throws -> Answer {
        try call.takeNothing()
        return call.answer(.ok, document(try await action(call, .read)))
    }

    @Sendable static func pause(_ call: JSONCall) async throws -> Answer {
        try await steer(call) { try await call.broker.pause(action: $0) }
    }

    @Sendable static func resume(_ call: JSONCall) async throws -> Answer {
        try await steer(call) { try await call.broker.resume(action: $0) }
    }

    @Sendable static func stop(_ call: JSONCall) async throws -> Answer {
        try await steer(call) { try await call.broker.stop(action: $0) }
    }

    private static func steer(_ call: JSONCall, _ act: (Int64) async throws -> Bool) async throws -> Answer {
        try call.takeNothing()
        let number = try await action(call, .manage).number
        guard try await act(number) else {
            throw Problem(.actionEnded, "All of it was done, or it was stopped before.")
        }
        return call.answer(.ok, document(try await action(call, .manage)))
    }

    /// One that is not about a single queue takes the right to all of them.
    private static func action(_ call: JSONCall, _ verb: AccessVerb) async throws -> OperatorAction {
        let unknown = Problem(.noSuchAction, "There is no redrive or purge of this number.")
        guard let number = Int64(call.names[0]), number > 0,
            let action = try await call.broker.operatorAction(number), [.redrive, .purge].contains(action.verb)
        else { throw unknown }
        guard call.account.mayUse(.read, on: "queues/\(action.queue?.text ?? "*")") else { throw unknown }
        try call.account.demand(verb, onQueue: action.queue?.text ?? "*")
        return action
    }

    static func document(_ action: OperatorAction) -> JSONText {
        [
            "number": .integer(Int(action.number)), "verb": .string(action.verb.rawValue),
            "queue": .of(action.queue), "matched": .of(action.matched), "messages": .integer(action.messages),
            "ratePerSecond": .of(action.rate),
            "standing": .string(action.standing.rawValue.replacing(" ", with: "-")),
            "beganAt": .of(action.beganAt), "endedAt": .of(action.endedAt),
        ]
    }
}
