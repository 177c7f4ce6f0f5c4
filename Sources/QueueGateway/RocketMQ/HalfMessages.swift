import Foundation
import HTTPTypes
import MessageQueue

/// Messages that nobody hears until their producer commits them.
extension GroupCalls {
    /// Publishing names no group, so all producers of a topic are asked about all of its half messages.
    private static let producers = "rocketmq"
    private static let checkTimes = 10...300
    /// So long somebody who was asked has to commit or roll back.
    private static let answerTime = Duration.seconds(10)

    /// - Parameter time: in seconds, as the client wrote it: until producers are asked, and how long the handle is good.
    /// - Returns: the handle to commit or roll back with.
    func prepare(_ message: Outgoing<RawBody>, check time: String) async throws -> String {
        guard let seconds = Int(time), Self.checkTimes.contains(seconds) else {
            throw Refusal.outside("__TransCheckT", Self.checkTimes)
        }
        let receipt = try await orMakeTopic {
            try await broker.prepare(
                message, to: Topic<RawBody>(TopicName(topic)), by: Self.producers, check: .seconds(seconds))
        }
        return backend.handle(of: receipt, in: topic)
    }

    /// Asks a producer what has become of messages that were neither committed nor rolled back in time.
    func checkHalves(_ call: Call) async throws -> Answer {
        try account.demand(.send, onTopic: topic)
        let (limit, wait) = try extent(of: call)
        _ = try consumer(of: call)
        let found = try await orMakeTopic {
            try await broker.halfMessages(
                of: Self.producers, in: TopicName(topic), limit: limit, lasting: Self.answerTime,
                waiting: .seconds(wait))
        }
        guard !found.isEmpty else { throw Refusal.nothingThere }
        var answer = call.rocketMQ(.ok, XMLElement("Messages", found.map(element)))
        answer.giveBack = backend.givingBack(found)
        return answer
    }

    /// It is not kept when a producer was asked first, and nobody looks at that time of a half message.
    private func element(_ half: HalfMessage) -> XMLElement {
        element(
            of: half.message, handle: backend.handle(of: half.receipt, in: topic), first: half.message.sentAt,
            next: half.receiptEnds, times: half.checks)
    }

    /// Commits or rolls back.
    func endHalves(_ call: Call, by word: String) async throws -> Answer {
        try account.demand(.send, onTopic: topic)
        guard word == "commit" || word == "rollback" else {
            throw Refusal(.unknownParameter, "trans is commit or rollback.")
        }
        _ = try consumer(of: call)
        let isCommit = word == "commit"
        var reasons: [(handle: String, reason: Refusal?)] = []
        for handle in try handles(in: call) {
            reasons.append((handle, try await end(handle, isCommit: isCommit)))
        }
        return answer(call, failed: reasons)
    }

    /// - Returns: why the handle is worth nothing.
    private func end(_ handle: String, isCommit: Bool) async throws -> Refusal? {
        switch try await backend.end(half: handle, of: topic, isCommit: isCommit) {
        case .done: return nil
        case .lost: return .nothingThere
        case .unreadable: return .unreadableHandle
        }
    }
}
