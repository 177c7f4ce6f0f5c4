/// Anything that can happen to an order after it was priced.
///
/// In JSON, the fields of the event with its name beside them, as `"event"`. A queue that hears one kind of event only
/// can therefore be a queue of that event's own type.
public enum OrderEvent: Hashable, Sendable {
    case processed(OrderProcessed)
    case rejected(OrderRejected)
    case scheduled(DeliveryScheduled)
    case impossible(DeliveryImpossible)
    case refunded(OrderRefunded)
    case cancelled(OrderCancelled)

    public var orderID: OrderID {
        switch self {
        case .processed(let event): event.order.id
        case .rejected(let event): event.orderID
        case .scheduled(let event): event.orderID
        case .impossible(let event): event.orderID
        case .refunded(let event): event.orderID
        case .cancelled(let event): event.orderID
        }
    }
}

extension OrderEvent: Codable {
    private enum Name: String, Codable {
        case processed = "order-processed"
        case rejected = "order-rejected"
        case scheduled = "delivery-scheduled"
        case impossible = "delivery-impossible"
        case refunded = "order-refunded"
        case cancelled = "order-cancelled"
    }

    private enum Key: String, CodingKey { case event }

    public init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: Key.self).decode(Name.self, forKey: .event) {
        case .processed: self = .processed(try OrderProcessed(from: decoder))
        case .rejected: self = .rejected(try OrderRejected(from: decoder))
        case .scheduled: self = .scheduled(try DeliveryScheduled(from: decoder))
        case .impossible: self = .impossible(try DeliveryImpossible(from: decoder))
        case .refunded: self = .refunded(try OrderRefunded(from: decoder))
        case .cancelled: self = .cancelled(try OrderCancelled(from: decoder))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        let (name, event): (Name, any Encodable) =
            switch self {
            case .processed(let event): (.processed, event)
            case .rejected(let event): (.rejected, event)
            case .scheduled(let event): (.scheduled, event)
            case .impossible(let event): (.impossible, event)
            case .refunded(let event): (.refunded, event)
            case .cancelled(let event): (.cancelled, event)
            }
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .event)
        try event.encode(to: encoder)
    }
}
