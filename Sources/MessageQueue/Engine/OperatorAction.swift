public import Foundation
import Postgres

/// What an operator did.
public struct OperatorAction: Sendable, Codable {
    /// The verbs that are recorded.
    public enum Verb: String, Sendable, Codable, CaseIterable {
        /// ``Broker/pause(_:)``
        case pause
        /// ``Broker/resume(_:)``
        case resume
        /// ``Broker/limit(_:to:)``
        case limit
        /// ``Broker/redrive(_:rate:onBegin:)``
        case redrive
        /// ``Broker/purge(_:onBegin:)``
        case purge
        /// ``Broker/purge(waitingIn:onBegin:)``
        case purgeQueue = "purge queue"
        /// ``Broker/create(queue:_:labels:)``
        case createQueue = "create queue"
        /// ``Broker/change(queue:_:)``
        case changeQueue = "change queue"
        /// ``Broker/delete(queue:)``
        case deleteQueue = "delete queue"
        /// ``Broker/create(topic:labels:)``
        case createTopic = "create topic"
        /// ``Broker/change(topic:_:)``
        case changeTopic = "change topic"
        /// ``Broker/delete(topic:)``
        case deleteTopic = "delete topic"
        /// ``Broker/create(subscription:)``
        case createSubscription = "create subscription"
        /// ``Broker/change(subscription:of:_:)``
        case changeSubscription = "change subscription"
        /// ``Broker/delete(subscription:of:)``
        case deleteSubscription = "delete subscription"
        /// ``Broker/subscribe(_:to:tags:)``
        case subscribe
        /// ``Broker/unsubscribe(_:from:)``
        case unsubscribe
        /// ``Broker/changeLabels(_:)``
        case changeLabels = "change labels"
        /// ``Broker/send(_:to:)-(Draft,_)``
        case send
        /// ``Broker/note(_:_:by:in:)``
        case application
        /// ``Broker/pause(action:)``
        case pauseAction = "pause action"
        /// ``Broker/resume(action:)``
        case resumeAction = "resume action"
        /// ``Broker/stop(action:)``
        case stopAction = "stop action"
        /// ``Broker/limit(action:to:)``
        case limitAction = "limit action"
        /// ``Broker/retryBlocked(_:key:)``
        case retryBlocked = "retry blocked"
        /// ``Broker/skipBlocked(_:key:)``
        case skipBlocked = "skip blocked"
        /// ``Broker/hasten(_:in:)`` and ``Broker/hasten(retryingIn:onBegin:)``
        case hasten
        /// ``Broker/cancel(_:in:)``
        case cancelScheduled = "cancel scheduled"
        /// ``Broker/create(accessKey:)``
        case createKey = "create key"
        /// ``Broker/rotate(accessKey:to:)``
        case rotateKey = "rotate key"
        /// ``Broker/revoke(accessKey:)``
        case revokeKey = "revoke key"
    }

    /// Its number; later actions have higher ones.
    public let number: Int64
    /// What was done.
    public let verb: Verb
    /// The queue that it was done to; nil where it may have been several, or none.
    public let queue: QueueName?
    /// What else was said, such as the filter of a redrive.
    public let detail: [String: String]
    /// How many messages it has moved, deleted or freed so far.
    public let messages: Int
    /// How many it is about; nil where that isn't known when it begins.
    public let matched: Int?
    /// How many messages a second it may move; nil where it is not limited.
    public let rate: Double?
    /// Who did it, and through what; nil when the program did not say.
    public let by: Operator?
    /// The database's role that the program had logged in as.
    public let role: String
    /// When it began, by the database's clock.
    public let beganAt: Date
    /// When all of it was done, or was stopped; nil while it goes on, and for ever when it was broken off.
    public let endedAt: Date?
    /// How it stands.
    public let standing: Standing

    /// How an action stands.
    public enum Standing: String, Sendable, Codable {
        /// All of it was done, or an operator stopped it.
        case ended
        /// It goes on.
        case underWay = "under way"
        /// An operator has paused it.
        case paused
        /// Its process has given no sign of life for half a minute. What it has done stays; the rest takes another call.
        case brokenOff = "broken off"
    }
}

extension OperatorAction {
    init(_ row: borrowing Row) throws {
        let text = try row[1, as: String.self]
        guard let verb = Verb(rawValue: text) else { throw PostgresError(.decoding, "\(text) is no verb") }
        let name = try row[5, as: String?.self]
        self.init(
            number: try row[0], verb: verb, queue: try row[2, as: String?.self].map { QueueName($0) },
            detail: Payloads.decode(headers: try row[3]), messages: try row[4], matched: try row[10],
            rate: try row[12], by: try name.map { Operator($0, via: try row[6]) }, role: try row[7],
            beganAt: try row[8],
            endedAt: try row[9], standing: try .init(row[11]))
    }
}

extension OperatorAction.Standing {
    fileprivate init(_ text: String) throws {
        guard let standing = Self(rawValue: text) else { throw PostgresError(.decoding, "\(text) is no standing") }
        self = standing
    }
}
