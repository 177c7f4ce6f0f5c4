import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres

extension Refusal {
    /// What a client is told of an error; what is its own fault, and what it may try again.
    init(_ error: any Error) {
        switch error {
        case let refusal as Refusal: self = refusal
        case let error as QueueError: self.init(of: error)
        case is RequestTooSlow: self.init(.tooSlow, "The request's body did not come in time.")
        // The client has hung up, or what came is no HTTP: there is nobody to answer, and nothing wrong here.
        case is HTTPParserError, is IOError: self = .cutBody
        // Of a long poll, by a gateway that stops: whoever waits is told that nothing came.
        case is CancellationError: self = .nothingThere
        case let error as PostgresError where error.kind == .outcomeUnknown:
            self.init(.unconfirmed, "The database has not confirmed it: whether it was done is unknown.")
        case let error as PostgresError where error.isConnectionTrouble || error.isRetryable:
            self.init(.databaseAway, "The database can't be reached at the moment. Try again.")
        case let error as PostgresError where error.sqlState == Self.insufficientPrivilege:
            self.init(.accessDenied, "The gateway's own role in the database may not do this.")
        default: self.init(.failed, "Something went wrong here.")
        }
    }

    /// Of the tables of the schema's owner, who alone may delete a queue.
    private static let insufficientPrivilege = "42501"

    private init(of error: QueueError) {
        switch error {
        case .leaseLost: self = .nothingThere
        case .unknownQueue(let name): self = .noSuchQueue(name.text)
        case .unknownTopic(let name): self = .noSuchTopic(name.text)
        case .unknownSubscription(let name, let topic):
            self.init(.noSuchSubscription, "The topic \(topic) has no subscription \(name).")
        case .invalidName, .invalidSettings, .invalidArgument, .delayRefused, .beyondLimit:
            self.init(.invalidArgument, "\(error)")
        }
    }

    /// Whether operators should read of it: it is nobody's fault but ours.
    var isOurs: Bool { reason == .failed }
}
