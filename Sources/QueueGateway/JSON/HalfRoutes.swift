import HTTPTypes
import MessageQueue

/// Messages of a topic that nobody hears until their producer commits them.
enum HalfRoutes {
    private static let most = 100
    private static let batch = 1...100
    private static let waits = 0.0...30
    private static let times = 1.0...86_400
    private static let longestGroup = 200

    private enum Outcome: String {
        case committed
        case rolledBack = "rolled-back"
        case lost
        case unreadable
    }

    @Sendable static func prepare(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.send)
        try call.takeNoParameters()
        var fields = try call.fields()
        let message = Drafts.read(&fields, isDelayable: false)
        let group = fields.text("group", upTo: longestGroup * 4)
        let check = fields.seconds("checkSeconds", in: times)
        if !isGroup(group), !fields.isWrong("group") { fields.refuse("group", groupRule) }
        if check == nil, !fields.isWrong("checkSeconds") { fields.refuse("checkSeconds", "is needed") }
        try fields.end()
        let receipt = try await call.broker.prepare(
            message, to: Topic(topic), by: producers(group ?? ""), check: check ?? .zero)
        return call.answer(
            .created, ["id": .of(message.id), "receipt": .string(call.backend.handle(of: receipt, in: topic.text))])
    }

    @Sendable static func commit(_ call: JSONCall) async throws -> Answer { try await end(call, as: .committed) }

    @Sendable static func rollBack(_ call: JSONCall) async throws -> Answer { try await end(call, as: .rolledBack) }

    private static func end(_ call: JSONCall, as wanted: Outcome) async throws -> Answer {
        let topic = try call.topic(.send)
        let handles = try call.receipts(atMost: most)
        _ = try await call.backend.topics.sheet(of: topic)
        var results: [JSONText] = []
        for handle in handles {
            let end = try await call.backend.end(half: handle, of: topic.text, isCommit: wanted == .committed)
            let outcome: Outcome =
                switch end {
                case .done: wanted
                case .lost: .lost
                case .unreadable: .unreadable
                }
            results.append(["receipt": .string(handle), "outcome": .string(outcome.rawValue)])
        }
        return call.answer(.ok, ["results": .array(results)])
    }

    /// Asks a producer what has become of messages that were neither committed nor rolled back in time.
    @Sendable static func check(_ call: JSONCall) async throws -> Answer {
        let topic = try call.topic(.send)
        var parameters = call.parameters
        let limit = parameters.integer("max", in: batch)
        let wait = parameters.seconds("waitSeconds", in: waits)
        let lasting = parameters.seconds("answerSeconds", in: times)
        let group = parameters.text("group")
        if !isGroup(group) { parameters.refuse("group", groupRule) }
        try parameters.end()
        try call.takeNoBody()
        let found = try await find(
            of: producers(group ?? ""), in: topic, limit: limit ?? 1, lasting: lasting ?? .seconds(10),
            waiting: wait ?? .zero, call)
        let documents = found.map { half in
            MessageDocument.document(half, handle: call.backend.handle(of: half.receipt, in: topic.text))
        }
        var answer = call.answer(.ok, ["messages": .array(documents)])
        answer.giveBack = call.backend.givingBack(found)
        return answer
    }

    /// Whoever waits when the gateway stops is told that nothing came.
    private static func find(
        of group: String, in topic: TopicName, limit: Int, lasting: Duration, waiting: Duration, _ call: JSONCall
    ) async throws -> [HalfMessage] {
        do {
            return try await call.broker.halfMessages(
                of: group, in: topic, limit: limit, lasting: lasting, waiting: waiting)
        } catch is CancellationError { return [] }
    }

    private static let groupRule = "has to be a text of 1 to \(longestGroup) characters"

    /// Counted as JSON Schema counts them.
    private static func isGroup(_ text: String?) -> Bool {
        (1...longestGroup).contains(text?.unicodeScalars.count ?? 0)
    }

    /// As the engine knows a group of this dialect's: never that of RocketMQ's producers, who name none.
    private static func producers(_ group: String) -> String { "json/\(group)" }
}
