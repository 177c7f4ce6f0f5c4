import HTTPTypes
import MessageQueue

extension Problem {
    /// What programs go by. A code keeps its meaning; others may be added.
    enum Code: String, CaseIterable {
        case malformedJSON = "malformed-json"
        case invalidRequest = "invalid-request"
        case unauthenticated
        case forbidden
        case noSuchPath = "no-such-path"
        case noSuchQueue = "no-such-queue"
        case noSuchTopic = "no-such-topic"
        case noSuchSubscription = "no-such-subscription"
        case noSuchMessage = "no-such-message"
        case noSuchAction = "no-such-action"
        case methodNotAllowed = "method-not-allowed"
        case requestTimeout = "request-timeout"
        case leaseLost = "lease-lost"
        case fixedSetting = "fixed-setting"
        case actionEnded = "action-ended"
        case bodyTooLarge = "body-too-large"
        case unsupportedMediaType = "unsupported-media-type"
        case invalidFields = "invalid-fields"
        case contradiction
        case keyReused = "idempotency-key-reused"
        case tooManyRequests = "too-many-requests"
        case failed = "internal-error"
        case unconfirmed
        case databaseAway = "database-away"

        var status: Int { facts.status }
        var title: String { facts.title }

        private var facts: (status: Int, title: String) {
            switch self {
            case .malformedJSON: (400, "The body is no JSON that every parser reads alike.")
            case .invalidRequest: (400, "A parameter or header is missing or wrong.")
            case .unauthenticated: (401, "Nobody has this access key and secret.")
            case .forbidden: (403, "The access key is not allowed to do this here.")
            case .noSuchPath: (404, "There is nothing at this path.")
            case .noSuchQueue: (404, "There is no such queue.")
            case .noSuchTopic: (404, "There is no such topic.")
            case .noSuchSubscription: (404, "There is no such subscription.")
            case .noSuchMessage: (404, "Nothing is known of such a message.")
            case .noSuchAction: (404, "There is no such action.")
            case .methodNotAllowed: (405, "This path has other methods.")
            case .requestTimeout: (408, "The body did not come in time.")
            case .leaseLost: (409, "The receipt is worth nothing any more.")
            case .fixedSetting: (409, "This can't be changed once it exists.")
            case .actionEnded: (409, "The action has ended already.")
            case .bodyTooLarge: (413, "The body is too large.")
            case .unsupportedMediaType: (415, "The body must be JSON.")
            case .invalidFields: (422, "Fields of the body are missing or wrong.")
            case .contradiction: (422, "What is asked for does not go together.")
            case .keyReused: (422, "The Idempotency-Key was used for another request.")
            case .tooManyRequests: (429, "Too much at once.")
            case .failed: (500, "Something went wrong here.")
            case .unconfirmed: (503, "Whether it was done is unknown.")
            case .databaseAway: (503, "The database can't be reached at the moment.")
            }
        }

        /// Which every problem of this kind has.
        var headers: HTTPFields {
            switch self {
            case .unauthenticated: [.challenge: #"Basic realm="queues", charset="UTF-8""#]
            case .tooManyRequests: [.retryAfter: "1"]
            case .unconfirmed, .databaseAway: [.retryAfter: "2"]
            default: [:]
            }
        }
    }
}

extension Problem {
    /// Of what the parts that all dialects share refuse.
    init(_ refusal: Refusal) { self.init(refusal.reason.problemCode, refusal.text) }

    /// What this dialect tells otherwise than as a refusal; nil for the rest.
    init?(_ error: QueueError) {
        switch error {
        case .unknownSubscription(let name, let topic):
            self.init(.noSuchSubscription, "Topic \(topic) has no subscription \(name).")
        case .invalidSettings, .delayRefused: self.init(.contradiction, "\(error).")
        case .invalidName, .invalidArgument, .beyondLimit: self.init(.invalidFields, "\(error).")
        case .leaseLost, .unknownQueue, .unknownTopic: return nil
        }
    }
}

extension Refusal.Reason {
    fileprivate var problemCode: Problem.Code {
        switch self {
        case .tooLarge: .bodyTooLarge
        case .tooSlow: .requestTimeout
        case .unknownPath: .noSuchPath
        case .tooManyRequests: .tooManyRequests
        case .accessDenied: .forbidden
        case .noSuchQueue: .noSuchQueue
        case .noSuchTopic: .noSuchTopic
        case .noSuchSubscription: .noSuchSubscription
        case .noMessage: .leaseLost
        case .databaseAway: .databaseAway
        case .unconfirmed: .unconfirmed
        case .failed: .failed
        default: .invalidRequest
        }
    }
}
