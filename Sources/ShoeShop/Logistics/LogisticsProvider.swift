/// The carrier: the third party that takes the parcels.
///
/// Guarantee: however often a call is repeated for an order, one parcel is collected.
/// A refusal is an outcome. Everything else that is not a proper answer throws `ProviderError`.
public protocol LogisticsProvider: Sendable {
    func book(_ items: Int, to address: Address, for order: OrderID) async throws(ProviderError) -> BookingOutcome
}

public enum BookingOutcome: Sendable, Equatable {
    case booked(trackingNumber: String)
    case refused(reason: String)
}

/// The carrier over HTTP.
public struct LogisticsClient: LogisticsProvider {
    private let bookings: ProviderClient

    /// - Parameters:
    ///   - url: Base address without a slash at its end.
    ///   - deadline: For each call as a whole.
    public init(url: String, deadline: Duration = .seconds(5)) {
        bookings = ProviderClient(name: "logistics", baseURL: url, path: "/bookings", deadline: deadline)
    }

    public func book(
        _ items: Int, to address: Address, for order: OrderID
    ) async throws(ProviderError) -> BookingOutcome {
        let request = BookingRequest(order, address, items)
        let answer = try await bookings.post(request, key: "booking-\(order)")
        switch answer.status {
        case 201:
            let booking: Booked = try answer.decode()
            try answer.require(booking.orderID == request.orderID)
            return .booked(trackingNumber: booking.trackingNumber)
        case 422:
            // Shared by refusals and by a key that belongs to another request.
            guard let reason = try? answer.refusal("refused") else { throw answer.failure }
            return .refused(reason: reason)
        default:
            throw answer.failure
        }
    }

    private struct BookingRequest: Encodable {
        let orderID: String
        let recipient: String
        let street: String
        let city: String
        let postcode: String
        let country: String
        let items: Int

        init(_ order: OrderID, _ address: Address, _ items: Int) {
            orderID = "\(order)"
            recipient = address.recipient
            street = address.street
            city = address.city
            postcode = address.postcode
            country = address.country
            self.items = items
        }
    }

    private struct Booked: Decodable {
        let orderID: String
        let trackingNumber: String
    }
}
