import Durations
import HTTPTypes
import MessageQueue

/// Sending to a queue.
enum SendRoutes {
    @Sendable static func one(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.send)
        let message = try Drafts.one(call, isDelayable: true)
        let sheet = try await call.backend.queues.sheet(of: queue)
        try check([message], for: sheet) { _ in "" }
        let sent = try await store([message].delayed(by: sheet), in: queue, call)
        return call.answer(.created, sent[0])
    }

    @Sendable static func batch(_ call: JSONCall) async throws -> Answer {
        let queue = try call.queue(.send)
        let messages = try Drafts.batch(call, isDelayable: true)
        let sheet = try await call.backend.queues.sheet(of: queue)
        try check(messages, for: sheet) { "/messages/\($0)" }
        let sent = try await store(messages.delayed(by: sheet), in: queue, call)
        return call.answer(.created, ["messages": .array(sent)])
    }

    /// Clients of MNS set how large a message of a queue may be, and read no larger ones.
    ///
    /// - Throws: ``Problem`` that names each that is too large.
    private static func check(
        _ messages: [Outgoing<RawBody>], for sheet: QueueEntry, pointer: (Int) -> String
    ) throws {
        guard let longest = sheet.labels.number(.maximumMessageSize) else { return }
        let parts = messages.enumerated().filter { $0.element.payload.bytes.count > longest }.map { number, _ in
            WrongPart(
                place: .body(pointer(number)),
                detail: "has to have a body of \(longest) bytes at the most in this queue")
        }
        if !parts.isEmpty { throw Problem(.invalidFields, "Messages are too large for the queue.", parts: parts) }
    }

    private static func store(
        _ messages: [Outgoing<RawBody>], in queue: QueueName, _ call: JSONCall
    ) async throws -> [JSONText] {
        guard let key = try IdempotencyKey(call) else { return try await send(messages, to: queue, call) }
        let outcome = try await call.broker.sendOnce(
            messages, to: Queue(queue), under: key.name, fingerprint: key.fingerprint)
        return try key.ids(of: outcome).map { ["id": .of($0), "receipt": .null] }
    }

    /// Each that is not due yet has a receipt, by which it can be taken back.
    private static func send(
        _ messages: [Outgoing<RawBody>], to queue: QueueName, _ call: JSONCall
    ) async throws -> [JSONText] {
        // What is sent at once shares its commit with others.
        guard messages.contains(where: { $0.delay ?? .zero > .zero }) else {
            try await call.broker.send(messages, to: Queue(queue))
            return messages.map { ["id": .of($0.id), "receipt": .null] }
        }
        let scheduled = try await call.broker.schedule(messages, to: Queue<RawBody>(queue))
        let handles = Dictionary(
            scheduled.map { ($0.id, call.backend.handles.handle(of: $0.receipt, in: queue)) }
        ) { first, _ in first }
        return messages.map { ["id": .of($0.id), "receipt": .of(handles[$0.id])] }
    }
}

/// Publishing to a topic.
enum PublishRoutes {
    @Sendable static func one(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.send)
        var message = try Drafts.one(call, isDelayable: true)
        // It counts for all who hear the topic, and is no message's own there.
        let delay = message.delay
        message.delay = nil
        let ids = try await store([message], in: topic, after: delay, call)
        return call.answer(.created, ["id": .of(ids[0])])
    }

    @Sendable static func batch(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.send)
        let ids = try await store(try Drafts.batch(call, isDelayable: false), in: topic, call)
        return call.answer(.created, ["messages": .array(ids.map { ["id": .of($0)] })])
    }

    private static func store(
        _ messages: [Outgoing<RawBody>], in topic: TopicName, after delay: Duration? = nil, _ call: JSONCall
    ) async throws -> [MessageID] {
        let target = Topic<RawBody>(topic)
        guard let key = try IdempotencyKey(call) else {
            try await publish(messages, to: target, after: delay, call.broker)
            return messages.map(\.id)
        }
        return try key.ids(of: try await publish(messages, to: target, after: delay, once: key, call.broker))
    }

    private static func publish(
        _ messages: [Outgoing<RawBody>], to topic: Topic<RawBody>, after delay: Duration?, _ broker: Broker
    ) async throws {
        guard let delay else { return try await broker.publish(messages, to: topic) }
        try await broker.publish(messages, to: topic, after: delay)
    }

    private static func publish(
        _ messages: [Outgoing<RawBody>], to topic: Topic<RawBody>, after delay: Duration?, once key: IdempotencyKey,
        _ broker: Broker
    ) async throws -> SentOnce {
        guard let delay else {
            return try await broker.publishOnce(messages, to: topic, under: key.name, fingerprint: key.fingerprint)
        }
        return try await broker.publishOnce(
            messages, to: topic, after: delay, under: key.name, fingerprint: key.fingerprint)
    }
}
