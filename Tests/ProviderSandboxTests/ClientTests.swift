import Launch
import NIOHTTP1
import ShoeShop
import Testing

@testable import ProviderSandbox

@Suite("Provider clients", .timeLimit(.minutes(10)))
struct ClientTests {
    @Test(
        "a declined card is an outcome with its reason, and stays one",
        arguments: [
            ("tok_declined_visa", "card_declined"), ("tok_insufficient_funds", "insufficient_funds"),
            ("tok_expired_2019", "expired_card"),
        ])
    func declined(token: String, reason: String) async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            for _ in 0..<2 {
                let outcome = try await sandbox.paymentClient().charge(.price, for: order, token: token)
                #expect(outcome == .declined(reason: reason))
            }
            #expect(try await sandbox.charges(of: order).isEmpty)
        }
    }

    @Test("a refund pays money back once, however often it is asked for")
    func refund() async throws {
        try await Sandbox.run { sandbox async throws in
            let client = sandbox.paymentClient()
            let (order, other) = (OrderID.new(), OrderID.new())
            let charge = try await client.charge(.price, for: order, token: "tok_visa").chargeID
            let first = try await client.refund(.price, of: charge, for: order)
            #expect(try await client.refund(.price, of: charge, for: order) == first)
            #expect(try await client.refund(.price, of: charge, for: other) == .refused(reason: "already_refunded"))
            #expect(try await sandbox.paymentLedger().refunds.map { .refunded(refundID: $0.id) } == [first])
        }
    }

    @Test("a refund of nothing, of too much or of a stubborn card is refused with its reason")
    func refusedRefunds() async throws {
        try await Sandbox.run { sandbox async throws in
            let client = sandbox.paymentClient()
            let (order, stubborn) = (OrderID.new(), OrderID.new())
            #expect(try await client.refund(.price, of: "ch_0", for: .new()) == .refused(reason: "unknown_charge"))
            let charge = try await client.charge(.price, for: order, token: "tok_visa").chargeID
            let tooMuch = Money(cents: Money.price.cents + 1)
            #expect(
                try await client.refund(tooMuch, of: charge, for: order) == .refused(reason: "amount_exceeds_charge"))
            let kept = try await client.charge(.price, for: stubborn, token: "tok_refund_refused").chargeID
            #expect(try await client.refund(.price, of: kept, for: stubborn) == .refused(reason: "refund_refused"))
        }
    }

    @Test("a parcel is booked once, and has one tracking number")
    func booking() async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            let first = try await sandbox.logisticsClient().book(2, to: .home, for: order)
            #expect(try await sandbox.logisticsClient().book(2, to: .home, for: order) == first)
            let ledger = try await sandbox.send(.GET, sandbox.logistics + "/ledger/summary")
            #expect(ledger.body == #"{"bookings":1,"items":2,"refusals":0}"#)
        }
    }

    @Test(
        "an address that the carrier does not serve is an outcome",
        arguments: [
            Address(recipient: "A", street: "Ice 1", city: "Pole", postcode: "1", country: "AQ"),
            Address(recipient: "A", street: "Nowhere Lane 1", city: "London", postcode: "1", country: "GB"),
            Address(recipient: "A", street: "High Street 1", city: "London", postcode: "00000", country: "GB"),
        ])
    func undeliverable(address: Address) async throws {
        try await Sandbox.run { sandbox async throws in
            let outcome = try await sandbox.logisticsClient().book(1, to: address, for: .new())
            #expect(outcome == .refused(reason: "undeliverable_address"))
        }
    }

    @Test("a provider's key that belongs to another request is a failure that asking again cannot mend")
    func idempotencyMismatch() async throws {
        try await Sandbox.run { sandbox async throws in
            let order = OrderID.new()
            _ = try await sandbox.paymentClient().charge(.price, for: order, token: "tok_visa")
            _ = try await sandbox.logisticsClient().book(1, to: .home, for: order)
            let charge = try await #require(throws: ProviderError.self) {
                try await sandbox.paymentClient().charge(Money(cents: 1), for: order, token: "tok_visa")
            }
            let booking = try await #require(throws: ProviderError.self) {
                try await sandbox.logisticsClient().book(2, to: .home, for: order)
            }
            for error in [charge, booking] { #expect(error.kind == .idempotencyMismatch && !error.isRetryable) }
        }
    }

    @Test("an answer that echoes another order or another amount is not believed", arguments: [true, false])
    func mismatch(otherOrder: Bool) async throws {
        struct Charged: Encodable {
            let id = "ch_1"
            let orderID: String
            let amount: Int
        }
        let order = OrderID.new()
        let lie = Charged(
            orderID: "\(otherOrder ? .new() : order)", amount: Money.price.cents + (otherOrder ? 0 : 1))
        let door = try Door(host: "127.0.0.1", port: 0)
        try await door.open { _, _ in .once(Answer(.created, lie)) }
        let error = try await #require(throws: ProviderError.self) {
            try await PaymentClient(url: door.address, deadline: .seconds(120)).charge(
                .price, for: order, token: "tok_visa")
        }
        #expect(error.kind == .mismatchedAnswer)
        await door.close()
    }
}

extension ChargeOutcome {
    /// The charge's id, for tests in which the card is good.
    var chargeID: String {
        get throws {
            guard case .charged(let id) = self else { throw Declined() }
            return id
        }
    }

    private struct Declined: Error {}
}
