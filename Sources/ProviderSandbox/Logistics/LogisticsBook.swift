import Foundation
import NIOHTTP1

/// A parcel to be fetched and delivered.
struct Booking: Codable, Equatable, Sendable {
    let orderID: String
    let recipient: String
    let street: String
    let city: String
    let postcode: String
    let country: String
    let items: Int

    private static let unserved: Set<String> = ["AQ", "BV", "HM", "KP", "TF", "XX"]

    var isDeliverable: Bool {
        !Self.unserved.contains(country.uppercased()) && postcode != "00000" && !street.hasPrefix("Nowhere")
    }
}

enum BookingOutcome: Codable, Equatable, Sendable {
    case booked(id: String, trackingNumber: String)
    case refused(reason: String)
}

/// The carrier's rules. Every booking is a new one unless its idempotency key says otherwise.
struct LogisticsBook: Book {
    private var bookings: [BookingLine] = []
    private var refusals = 0

    init() {}

    static func request(from call: Call) throws(BadCall) -> Booking? {
        guard call.path == "/bookings" else { return nil }
        let booking: Booking = try call.decode()
        guard booking.items > 0 else { throw BadCall(.badRequest, "items must be above 0") }
        return booking
    }

    func outcome(of booking: Booking) -> BookingOutcome {
        guard booking.isDeliverable else { return .refused(reason: "undeliverable_address") }
        let id = newID("bk")
        return .booked(id: id, trackingNumber: "SHOE" + id.suffix(12).uppercased())
    }

    mutating func enter(_ entry: Entry<LogisticsBook>) {
        guard case .booked(let id, let trackingNumber) = entry.outcome else {
            refusals += 1
            return
        }
        bookings.append(
            BookingLine(
                id: id, orderID: entry.request.orderID, trackingNumber: trackingNumber, items: entry.request.items,
                at: entry.at))
    }

    static func answer(for entry: Entry<LogisticsBook>) -> Answer {
        switch entry.outcome {
        case .booked(let id, let trackingNumber):
            Answer(.created, Booked(id: id, trackingNumber: trackingNumber, orderID: entry.request.orderID))
        case .refused(let reason):
            Answer(.unprocessableEntity, Refusal(status: "refused", reason: reason))
        }
    }

    var statement: any Encodable & Sendable { ["bookings": bookings] }

    var summary: any Encodable & Sendable {
        ["bookings": bookings.count, "items": bookings.map(\.items).boundedSum, "refusals": refusals]
    }

    private struct BookingLine: Encodable {
        let id: String
        let orderID: String
        let trackingNumber: String
        let items: Int
        let at: Date
    }

    private struct Booked: Encodable {
        let id: String
        let trackingNumber: String
        let orderID: String
        var status = "booked"
    }
}
