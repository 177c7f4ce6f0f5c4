import Tracing

/// A message with what its step has prepared for it.
public struct PreparedDelivery<Payload: Codable & Sendable, Prepared: Sendable>: Sendable {
    /// The message.
    public let delivery: Delivery<Payload>
    /// What ``PreparingStep/prepare(_:)`` returned for it.
    public let prepared: Prepared
}

extension PreparedDelivery: Traced {
    var trace: ServiceContext? { delivery.trace }
    static var operation: StepTracing.Operation { .commit }
}
