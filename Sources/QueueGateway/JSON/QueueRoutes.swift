import HTTPTypes
import MessageQueue

/// Queues: how they are set up, how they stand, and what is done to all of one.
enum QueueRoutes {
    @Sendable static func list(_ call: JSONCall) async throws -> Answer {
        var parameters = call.parameters
        let page = NamePage(&parameters)
        let isCounted = parameters.flag("counts")
        try parameters.end()
        let (entries, next) = try await page.collect(key: \.queue.text) { entry in
            call.account.mayUse(.read, on: "queues/\(entry.queue)")
        } read: { after, limit in
            try await call.broker.queues(prefix: page.prefix, after: after.map { QueueName($0) }, limit: limit)
        }
        let counts = isCounted ? try await call.broker.statistics(ofEach: entries.map(\.queue)) : []
        let byName = Dictionary(counts.map { ($0.queue, $0) }) { first, _ in first }
        return call.answer(
            .ok,
            ["queues": .array(entries.map { QueueSheet.document($0, byName[$0.queue]) }), "next": .of(next)])
    }

    @Sendable static func get(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.read)
        try call.takeNothing()
        return try await call.answer(
            .ok, QueueSheet.document(call.broker.queue(queue), call.broker.statistics(of: queue)))
    }

    @Sendable static func put(_ call: JSONCall) async throws -> Answer {
        try call.account.demand(.manage, onQueue: call.names[0])
        try call.checkName()
        try call.takeNoParameters()
        var fields = try call.fields(isNeeded: false)
        let wish = QueueWish(&fields)
        try fields.end()
        let queue = QueueName(call.names[0])
        let settings = wish.settings(over: QueueSettings())
        let isNew = try await call.broker.create(queue: queue, settings)
        let entry = try await isNew ? call.broker.queue(queue) : change(queue, wish, call)
        return call.answer(
            isNew ? .created : .ok, QueueSheet.document(entry, try await call.broker.statistics(of: queue)),
            location: isNew ? "/v1/queues/\(queue)" : nil)
    }

    private static func change(_ queue: QueueName, _ wish: QueueWish, _ call: JSONCall) async throws -> QueueEntry {
        defer { call.backend.queues.forget(queue) }
        return try await call.broker.change(queue: queue) { entry in
            if let name = wish.fixed(differingFrom: entry.settings) {
                throw Problem(.fixedSetting, "\(name) of queue \(queue) can't be changed; use another name.")
            }
            entry.settings = wish.settings(over: entry.settings)
        }
    }

    @Sendable static func delete(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.manage)
        try call.takeNothing()
        defer { call.backend.queues.forget(queue) }
        guard try await call.broker.delete(queue: queue) else { throw Refusal.noSuchQueue(queue.text) }
        return call.answer(.noContent)
    }

    @Sendable static func purge(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.manage)
        try call.takeNothing()
        let deleted = try await call.broker.purge(waitingIn: queue)
        return call.answer(.ok, ["deleted": .integer(deleted)])
    }

    @Sendable static func pause(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.manage)
        try call.takeNothing()
        try await call.broker.pause(queue)
        return call.answer(.noContent)
    }

    @Sendable static func resume(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.manage)
        try call.takeNothing()
        try await call.broker.resume(queue)
        return call.answer(.noContent)
    }
}

extension JSONCall {
    /// For calls that are all said by their path.
    ///
    /// - Throws: ``Problem`` for a parameter or a field.
    func takeNothing() throws {
        try takeNoParameters()
        var fields = try fields(isNeeded: false)
        try fields.end()
    }

    func takeNoParameters() throws {
        var parameters = parameters
        try parameters.end()
    }

    /// Of something that is to be made.
    func checkName() throws {
        guard let name = names.last, name.canBeName else {
            throw Problem(
                .invalidRequest,
                "A name is a letter or digit, then letters, digits, '.', '_' and '-', and not too long.")
        }
    }
}
