import HTTPTypes

/// RocketMQ over HTTP, version 2015-06-06: publishing, consuming in groups, acknowledging.
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
        guard call.path.count == 3, call.path[0] == "topics", call.path[2] == "messages" else {
            throw Refusal.unknownPath
        }
        let calls = GroupCalls(backend, groups, account, topic: call.path[1])
        switch call.method {
        case .post: return try await calls.publish(call)
        case .get: return try await calls.consume(call)
        case .delete: return try await calls.acknowledge(call)
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
