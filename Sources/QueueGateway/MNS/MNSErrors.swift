import HTTPTypes

/// The codes of MNS: what its clients' programs go by.
extension Refusal.Reason {
    var mnsCode: (status: Int, code: String) {
        switch self {
        case .invalidArgument: (400, "InvalidArgument")
        case .malformedBody: (400, "MalformedXML")
        case .tooLarge: (413, "InvalidArgument")
        case .tooSlow: (408, "RequestTimeout")
        case .invalidQueueName: (400, "InvalidQueueName")
        case .queueNameTooLong: (400, "QueueNameLengthError")
        case .invalidTopicName: (400, "TopicNameInvalid")
        case .topicNameTooLong: (400, "TopicNameLengthError")
        case .invalidSubscriptionName: (400, "SubscriptionNameInvalid")
        case .subscriptionNameTooLong: (400, "SubscriptionNameLengthError")
        case .invalidEndpoint: (400, "EndpointInvalid")
        case .unreadableHandle: (400, "ReceiptHandleError")
        case .missingHandle: (400, "MissingReceiptHandle")
        case .missingVisibilityTimeout: (400, "MissingVisibilityTimeout")
        case .missingAuthorization: (400, "MissingAuthorizationHeader")
        case .invalidAuthorization: (400, "InvalidAuthorizationHeader")
        case .missingDate: (400, "MissingDateHeader")
        case .invalidDate: (400, "InvalidDateHeader")
        case .missingVersion: (400, "MissingVersionHeader")
        case .invalidVersion: (400, "InvalidVersionHeader")
        case .wrongDigest: (400, "InvalidDegist")
        case .unknownPath: (400, "InvalidRequestURL")
        case .unknownParameter: (400, "InvalidQueryString")
        case .tooManyRequests: (400, "QpsLimitExceeded")
        case .accessDenied: (403, "AccessDenied")
        case .unknownKey: (403, "InvalidAccessKeyId")
        case .wrongSignature: (403, "SignatureDoesNotMatch")
        case .clockOff: (408, "TimeExpired")
        case .noSuchQueue: (404, "QueueNotExist")
        case .noSuchTopic: (404, "TopicNotExist")
        case .noSuchSubscription: (404, "SubscriptionNotExist")
        case .noMessage: (404, "MessageNotExist")
        case .queueExists: (409, "QueueAlreadyExist")
        case .topicExists: (409, "TopicAlreadyExist")
        case .subscriptionExists: (409, "SubscriptionAlreadyExist")
        case .databaseAway, .unconfirmed: (503, "InternalServerError")
        case .failed: (500, "InternalError")
        }
    }
}

extension MNS {
    func answer(_ refusal: Refusal, to call: Call) -> Answer { XMLAnswers.mns.answer(refusal, to: call) }
}
