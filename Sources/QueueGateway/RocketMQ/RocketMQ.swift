import HTTPTypes
import MessageQueue

/// RocketMQ over HTTP, version 2015-06-06: publishing, consuming in groups, acknowledging, half messages.
struct RocketMQ: Dialect {
    private let backend: Backend
    private let groups: ConsumerGroups

    init(_ backend: Backend, redelivery: Redelivery) {
        self.backend = backend
        groups = ConsumerGroups(backend.broker, redelivery)
    }

    func answer(_ call: Call) async throws -> Answer {
        let account = try await Signature.rocketMQ.account(of: call, among: backend.keys)
        switch call.headers[.mqVersion] {
        case MNS.version: break
        case nil: throw Refusal(.missingVersion, "The header x-mq-version is missing.")
        default: throw Refusal(.invalidVersion, "The one version known here is \(MNS.version).")
        }
        guard Self.path.matches(call.path) else { throw Refusal.unknownPath }
        try call.query.allow(Self.parameters(of: call))
        let topic = try MQName.topic(call.path[1], of: call.query["ns"])
        guard topic.canBeName else { throw Refusal.noSuchTopic(topic) }
        return try await account.caller.act {
            try await route(call, GroupCalls(backend, groups, account, topic: topic))
        }
    }

    /// Those that a call may have, in lower case.
    private static func parameters(of call: Call) -> Set<String> {
        switch (call.method, call.query["trans"]) {
        case (.get, "pop"): ["consumer", "ns", "numofmessages", "trans", "waitseconds"]
        case (.get, _): ["consumer", "ns", "numofmessages", "tag", "trans", "waitseconds"]
        case (.delete, _): ["consumer", "ns", "trans"]
        default: ["ns"]
        }
    }

    func template(of path: [String]) -> String? { Self.path.matches(path) ? Self.path.template : nil }

    /// The one that there is.
    private static let path = PathPattern("topics/*/messages")

    private func route(_ call: Call, _ calls: GroupCalls) async throws -> Answer {
        switch (call.method, call.query["trans"]) {
        case (.post, _): try await calls.publish(call)
        case (.get, "pop"): try await calls.checkHalves(call)
        case (.get, _): try await calls.consume(call)
        case (.delete, nil): try await calls.acknowledge(call)
        case (.delete, let word?): try await calls.endHalves(call, by: word)
        default: throw Refusal.unknownPath
        }
    }

    func answer(_ refusal: Refusal, to call: Call) -> Answer { XMLAnswers.rocketMQ.answer(refusal, to: call) }
}

extension Refusal.Reason {
    /// As in MNS, but for one that is spelled otherwise here.
    var rocketMQCode: (status: Int, code: String) {
        self == .wrongDigest ? (400, "InvalidDigest") : mnsCode
    }
}
