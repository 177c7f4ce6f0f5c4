import Postgres
import StrictJSON

/// A message that a person writes, for which no type of payload is known here.
public struct Draft: Sendable {
    /// A fresh one unless given.
    public var id: MessageID
    /// One text in JSON, as the steps of the queue read it, unless it ``isRaw``.
    public var body: [UInt8]
    /// Whether the body is taken as it is, JSON or not: for queues whose messages are a ``RawBody``, such as those of
    /// clients of MNS and RocketMQ.
    public var isRaw: Bool
    /// What the message is about.
    public var key: String?
    /// What subscriptions filter by.
    public var tag: String?
    /// Travels along, beside the body.
    public var headers: [String: String]
    /// Not delivered before this has passed; nil leaves it to the queue. Not possible for a topic.
    public var delay: Duration?
    /// Of use in queues with ``QueueSettings/priorities``.
    public var priority: Priority
    /// The message that this one was made from, and is to stand for; named in its header ``parentHeader``.
    public var parent: MessageID?

    /// The header that names the message that another one was made from.
    public static let parentHeader = "parent"

    /// A message about nothing in particular, to be delivered as soon as its queue wants it, unless more is said.
    public init(
        body: [UInt8], id: MessageID = MessageID(), key: String? = nil, tag: String? = nil,
        headers: [String: String] = [:], delay: Duration? = nil, priority: Priority = .normal, parent: MessageID? = nil,
        isRaw: Bool = false
    ) {
        self.id = id
        self.body = body
        self.isRaw = isRaw
        self.key = key
        self.tag = tag
        self.headers = headers
        self.delay = delay
        self.priority = priority
        self.parent = parent
    }
}

extension Draft {
    /// A copy of a message, to be changed: names it as its parent, and has an id and a trace of its own. A body that is no
    /// JSON makes it ``isRaw``.
    ///
    /// - Parameters:
    ///   - message: stays what and where it is.
    ///   - priority: of the copy; the message's own is told by ``MessageRecord/priority``.
    public init(changing message: Message, priority: Priority = .normal) {
        let own = [TraceParent.header, TraceParent.stateHeader, Self.parentHeader]
        self.init(
            body: message.body, key: message.key, tag: message.tag,
            headers: message.headers.filter { !own.contains($0.key) }, priority: priority, parent: message.id,
            isRaw: Self.fault(inJSON: message.body) != nil)
    }

    /// What sending it makes sure of without the database.
    ///
    /// - Throws: ``QueueError/invalidArgument(_:)`` for a body that is to be JSON and is none, ``QueueError/beyondLimit(_:)``.
    public func check() throws { _ = try Packed(self) }

    /// What keeps a body from being JSON that every program reads alike; nil where it is.
    package static func fault(inJSON body: [UInt8]) -> String? {
        do { try StrictJSON.check(body) } catch { return "there is \(error)" }
        return nil
    }
}

extension Broker {
    /// Sends by hand to a queue. Recorded as an operator's action, in the same transaction, with the id of the message and of its
    /// parent. The message that it was made from stays what and where it is.
    ///
    /// - Throws: ``QueueError/invalidArgument(_:)`` for a body that is to be JSON and is none, ``QueueError/unknownQueue(_:)``,
    ///   ``QueueError/beyondLimit(_:)``, ``QueueError/delayRefused(_:queue:)``; then nothing is sent.
    public func send(_ draft: Draft, to queue: QueueName) async throws {
        let packed = try Packed(draft)
        let deed = Deed(.send, queue, draft.detail)
        try await writeLookingAgain(on: database) { session in
            try self.send([packed], to: try self.catalogue.queue(queue, in: session), in: session)
            try self.record(deed, messages: 1, in: session)
        }
    }

    /// Publishes by hand to a topic: whoever hears it gets the message. Recorded as ``send(_:to:)-(Draft,_)`` is.
    ///
    /// - Throws: the same, and ``QueueError/unknownTopic(_:)``.
    public func publish(_ draft: Draft, to topic: TopicName) async throws {
        guard draft.delay ?? .zero <= .zero else { throw QueueError.delayRefused(draft.id, queue: nil) }
        let packed = try Packed(draft)
        let deed = Deed(.send, nil, draft.detail.merging(["topic": topic.text]) { $1 })
        try await writeLookingAgain(on: database) { session in
            let listeners = try self.catalogue.listeners(of: topic, in: session)
            self.publish([packed], to: topic, heardBy: listeners, in: session)
            try self.record(deed, messages: listeners.count, in: session)
        }
    }
}

extension Broker {
    /// Sends by hand to a queue, unless it was done before under this name: for forms, which are sent twice by a second click. Recorded as
    /// ``send(_:to:)-(Draft,_)`` is, once.
    ///
    /// Guarantee: as that of the `sendOnce` for messages of a type: the id follows from the name, and the one that the
    /// draft had is not used.
    /// - Throws: as ``send(_:to:)-(Draft,_)``.
    public func sendOnce(
        _ draft: Draft, to queue: QueueName, under name: String, fingerprint: String
    ) async throws -> SentOnce {
        let key = try Self.key(of: draft, name, fingerprint)
        let someone = Operator.current
        return try await writeLookingAgain(on: database) { session in
            let entry = try self.catalogue.queue(queue, in: session)
            let found = try SentKeys.ofQueues.take(key, of: entry.id, count: 1, in: session)
            if let new = draft.named(by: found) {
                try self.send([Packed(new)], to: entry, in: session)
                try self.record(Deed(.send, queue, new.detail, by: someone), messages: 1, in: session)
            }
            return SentOnce(found)
        }
    }

    /// Publishes by hand to a topic, unless it was done before under this name, as `sendOnce` sends to a queue.
    ///
    /// - Throws: as ``publish(_:to:)-(Draft,_)``.
    public func publishOnce(
        _ draft: Draft, to topic: TopicName, under name: String, fingerprint: String
    ) async throws -> SentOnce {
        guard draft.delay ?? .zero <= .zero else { throw QueueError.delayRefused(draft.id, queue: nil) }
        let key = try Self.key(of: draft, name, fingerprint)
        let someone = Operator.current
        return try await writeLookingAgain(on: database) { session in
            let listeners = try self.catalogue.listeners(of: topic, in: session)
            let found = try self.take(key, of: topic, count: 1, in: session)
            if let new = draft.named(by: found) {
                self.publish([try Packed(new)], to: topic, heardBy: listeners, in: session)
                let detail = new.detail.merging(["topic": topic.text]) { $1 }
                try self.record(Deed(.send, nil, detail, by: someone), messages: listeners.count, in: session)
            }
            return SentOnce(found)
        }
    }

    /// What can't be sent takes no name.
    private static func key(of draft: Draft, _ name: String, _ fingerprint: String) throws -> SentKeys.Name {
        _ = try Packed(draft)
        return try SentKeys.Name(name, fingerprint: fingerprint, of: draft.id)
    }
}

extension SentOnce {
    fileprivate init(_ found: SentKeys.Found) {
        switch found {
        case .new(let ids): self = .stored(ids)
        case .known(let ids): self = .repeated(ids)
        case .another: self = .refused
        }
    }
}

extension Draft {
    /// With the id that its name gives it; nil when it is not to be sent.
    fileprivate func named(by found: SentKeys.Found) -> Draft? {
        guard case .new(let ids) = found, let id = ids.first else { return nil }
        var draft = self
        draft.id = id
        return draft
    }

    fileprivate var detail: [String: String?] { ["message": "\(id)", "parent": parent.map { "\($0)" }, "key": key] }

    fileprivate var allHeaders: [String: String] {
        parent.map { headers.merging([Self.parentHeader: "\($0)"]) { $1 } } ?? headers
    }
}

extension Packed {
    /// - Throws: ``QueueError/invalidArgument(_:)`` for a body that is to be JSON and is none, ``QueueError/beyondLimit(_:)``.
    fileprivate init(_ draft: Draft) throws {
        let outgoing = Outgoing(
            "", id: draft.id, key: draft.key, tag: draft.tag, headers: draft.allHeaders, delay: draft.delay,
            priority: draft.priority)
        try MessageLimits.check(body: draft.body, of: draft.id)
        if !draft.isRaw, let fault = Draft.fault(inJSON: draft.body) {
            throw QueueError.invalidArgument("the body is no JSON that every program reads alike: \(fault)")
        }
        try self.init(outgoing, body: draft.body)
    }
}
