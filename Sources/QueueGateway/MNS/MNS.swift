import HTTPTypes
import MessageQueue

/// Alibaba Cloud's Message Service, version 2015-06-06: queues, topics and subscriptions in XML.
struct MNS: Dialect {
    static let version = "2015-06-06"
    /// Whose topics and subscriptions are, where a number of an account is expected: here everything is one account's.
    static let owner = "0"

    private let backend: Backend

    init(_ backend: Backend) { self.backend = backend }

    func answer(_ call: Call) async throws -> Answer {
        let account = try await Signature.mns.account(of: call, among: backend.keys)
        switch call.headers[.mnsVersion] {
        case Self.version: break
        case nil: throw Refusal(.missingVersion, "The header x-mns-version is missing.")
        default: throw Refusal(.invalidVersion, "The one version known here is \(Self.version).")
        }
        // Where GET takes messages, HEAD is nothing that anybody would want.
        let onlyAsks = call.method == .head && call.path.last != "messages"
        return try await account.caller.act { try await route(onlyAsks ? call.asGet : call, account) }
    }

    func template(of path: [String]) -> String? { Self.paths.template(of: path) }

    private static let paths = [
        "queues", "queues/*", "queues/*/messages", "topics", "topics/*", "topics/*/messages", "topics/*/subscriptions",
        "topics/*/subscriptions/*", "", "commonbuy/openservice",
    ].map { PathPattern($0) }

    private func route(_ call: Call, _ account: Account) async throws -> Answer {
        guard template(of: call.path) != nil else { throw Refusal.unknownPath }
        try call.query.allow(Self.parameters(of: call))
        return switch (call.path.first, call.path.count) {
        case ("queues", 1...2): try await QueueCalls(backend, account).answer(call, nameAt: 1)
        case ("queues", 3) where call.path[2] == "messages":
            try await MessageCalls(backend, account, queue: call.path[1]).answer(call)
        case ("topics", 1...2): try await TopicCalls(backend, account).answer(call, nameAt: 1)
        case ("topics", 3) where call.path[2] == "messages" && call.method == .post:
            try await TopicCalls(backend, account).publish(call, to: TopicName(call.path[1]))
        case ("topics", 3...4) where call.path[2] == "subscriptions":
            try await SubscriptionCalls(backend, account, topic: call.path[1]).answer(call, nameAt: 3)
        case (nil, _): try await AccountCalls(backend, account).answer(call)
        case ("commonbuy", 2) where call.path[1] == "openservice" && call.method == .post:
            AccountCalls(backend, account).openService(call)
        default: throw Refusal.unknownPath
        }
    }

    /// Those that a call may have, in lower case.
    private static func parameters(of call: Call) -> Set<String> {
        switch (call.path.first, call.path.count, call.method) {
        case (nil, _, _): ["account", "accountmeta"]
        case ("queues", 3, .get): ["numofmessages", "peekonly", "waitseconds"]
        case ("queues", 3, .delete): ["receipthandle"]
        case ("queues", 3, .put): ["receipthandle", "visibilitytimeout"]
        case ("queues", 2, .put), ("topics", 2, .put), ("topics", 4, .put): ["metaoverride"]
        default: []
        }
    }
}
