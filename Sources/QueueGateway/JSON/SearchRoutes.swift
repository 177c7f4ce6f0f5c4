import Foundation
import HTTPTypes
import MessageQueue

/// Looking for messages, wherever they are.
enum SearchRoutes {
    private static let limits = 1...1000
    private static let usual = 50

    @Sendable static func find(_ call: JSONCall) async throws -> Answer {
        var parameters = call.parameters
        let key = parameters.text("key")
        let place = try place(&parameters)
        let search = search(place ?? .queue(""), &parameters)
        let from = parameters.text("from")
        let limit = parameters.integer("limit", in: limits) ?? usual
        try parameters.end()
        guard let key else {
            guard place != nil else { throw Problem(.contradiction, "One of key, queue and topic has to be given.") }
            return try await find(search, from: try position(from), limit, call)
        }
        guard place == nil, from == nil, search == MessageSearch(.queue("")) else {
            throw Problem(.contradiction, "Beside a key there is nothing but a limit.")
        }
        let found = try await attempts(of: key, limit, call)
        return call.answer(.ok, ["attempts": .array(found.map(document)), "next": .null])
    }

    /// So much of a key is looked at for the sake of a caller who may read some of it only.
    private static let mostLookedAt = 100_000

    /// The newest ones that the caller may read: read on until there are as many as are asked for, or no more.
    private static func attempts(of key: String, _ limit: Int, _ call: JSONCall) async throws -> [TraceEntry] {
        var reach = limit
        while true {
            let found = try await call.broker.trace(key, limit: reach)
            // A key may look like an id.
            let shown = found.filter { $0.key == key && call.mayRead($0) }
            // There are as many of each kind at the most, so fewer are all.
            if shown.count >= limit || found.count < reach || reach >= mostLookedAt {
                return Array(shown.suffix(limit))
            }
            reach = min(reach * 8, mostLookedAt)
        }
    }

    private static func place(_ parameters: inout Parameters) throws -> MessageSearch.Place? {
        let (queue, topic) = (parameters.text("queue"), parameters.text("topic"))
        if queue != nil, topic != nil { throw Problem(.contradiction, "Either a queue or a topic can be given.") }
        return queue.map { .queue(QueueName($0)) } ?? topic.map { .topic(TopicName($0)) }
    }

    private static func search(_ place: MessageSearch.Place, _ parameters: inout Parameters) -> MessageSearch {
        let (since, until) = (parameters.date("since"), parameters.date("until"))
        let (tag, error) = (parameters.text("tag"), parameters.text("error"))
        let outcome = parameters.text("outcome")
        let known = MessageSearch.outcomes.first { $0.wireName == outcome }
        if outcome != nil, known == nil {
            parameters.refuse(
                "outcome", "has to be one of " + MessageSearch.outcomes.map(\.wireName).joined(separator: ", "))
        }
        return MessageSearch(place, since: since, until: until, tag: tag, outcome: known, error: error)
    }

    private static func position(_ text: String?) throws -> SearchPosition? {
        guard let text else { return nil }
        guard let position = SearchPosition(text) else {
            throw Problem(.contradiction, "What from says is not the next of a page before.")
        }
        return position
    }

    private static func find(
        _ search: MessageSearch, from position: SearchPosition?, _ limit: Int, _ call: JSONCall
    ) async throws -> Answer {
        switch search.place {
        case .queue(let queue):
            try call.account.demand(.read, onQueue: queue.text)
            guard queue.text.canBeName else { throw Refusal.noSuchQueue(queue.text) }
        case .topic(let topic):
            try call.account.demand(.read, onTopic: topic.text)
            guard topic.text.canBeName else { throw Refusal.noSuchTopic(topic.text) }
        }
        let page = try await call.broker.find(search, from: position, limit: limit)
        return call.answer(.ok, ["attempts": attempts(page.entries, call), "next": .of(page.next)])
    }

    @Sendable static func inspect(_ call: JSONCall) async throws -> Answer {
        try call.takeNothing()
        let unknown = Problem(.noSuchMessage, "It never was, is older than is kept, or is not for this access key.")
        guard let id = MessageID(call.names[0]), let record = try await call.broker.inspect(id),
            record.attempts.contains(where: { call.mayRead($0) })
        else { throw unknown }
        return call.answer(
            .ok,
            MessageDocument.document(record.message).adding([
                ("attempts", attempts(record.attempts, call)), ("related", attempts(record.related, call)),
            ]))
    }

    /// Of queues that the caller may read.
    private static func attempts(_ entries: [TraceEntry], _ call: JSONCall) -> JSONText {
        .array(entries.filter { call.mayRead($0) }.map(document))
    }

    private static func document(_ entry: TraceEntry) -> JSONText {
        [
            "queue": .of(entry.queue), "message": .of(entry.message), "topic": .of(entry.topic),
            "key": .of(entry.key), "tag": .of(entry.tag), "attempt": .integer(entry.attempt),
            "outcome": .string(entry.outcome.wireName), "error": .of(entry.error), "worker": .of(entry.worker),
            "appendedAt": .of(entry.appendedAt), "claimedAt": .of(entry.claimedAt),
            "finishedAt": .of(entry.finishedAt),
        ]
    }
}

extension JSONCall {
    fileprivate func mayRead(_ entry: TraceEntry) -> Bool { account.mayUse(.read, on: "queues/\(entry.queue)") }
}

extension TraceEntry.Outcome {
    /// In one word.
    fileprivate var wireName: String { rawValue.replacing(" ", with: "-") }
}
