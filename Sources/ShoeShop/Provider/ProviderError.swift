public import MessageQueue

/// Why a provider gave no usable answer. Refusals are not errors: they are answers.
///
/// The request may or may not have had its effect; asking again with the same idempotency key is always safe.
public struct ProviderError: Error, Sendable, Equatable {
    /// The reasons, closed.
    public enum Kind: Sendable, Equatable {
        /// No connection: refused, reset while connecting, or no route.
        case unreachable
        /// No complete answer within the deadline.
        case timeout
        /// The connection broke before the answer was complete.
        case connectionLost
        /// A status that is neither an answer nor a refusal, such as 503.
        case unexpectedStatus(Int)
        /// An answer that cannot be decoded.
        case malformedAnswer
        /// An answer to another request: the echoed order, charge or amount differs.
        case mismatchedAnswer
        /// The caller was cancelled while it waited.
        case cancelled
        /// The idempotency key was used for another request before. Asking again cannot help.
        case idempotencyMismatch
    }

    public let kind: Kind
    /// `payment` or `logistics`.
    public let provider: String
    /// Method and path, such as `POST /charges`.
    public let request: String
    public let idempotencyKey: String
    /// What was seen, for the operator.
    public let detail: String

    /// Whether the same request can succeed later.
    public var isRetryable: Bool { kind != .idempotencyMismatch }

    /// Whether the request certainly never reached the provider.
    public var hadNoEffect: Bool { kind == .unreachable }
}

extension ProviderError: StepFailure {
    public var disposition: Disposition {
        isRetryable ? .retry : .deadLetter(reason: "idempotency-mismatch")
    }
}

extension ProviderError: CustomStringConvertible {
    public var description: String { "\(provider) \(request) [\(idempotencyKey)]: \(kind): \(detail)" }
}
