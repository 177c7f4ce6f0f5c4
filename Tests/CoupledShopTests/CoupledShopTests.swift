import Foundation
import NIOHTTP1
import Postgres
import ShoeShop
import Testing

@Suite("the coupled shop", .serialized, .timeLimit(.minutes(10)))
struct CoupledShopTests {
    @Test("the coupled shop prices, reserves, charges and books an order before it answers, once for each key")
    func happyPath() async throws {
        try await CoupledShopUnderTest.with { shop in
            let answer = try await shop.order(Form(quantity: 2), key: "first")
            #expect(answer.status == 201)
            let confirmation = try answer.confirmation()
            #expect(
                confirmation.status == "dispatched" && confirmation.total == 2 * 8490
                    && !confirmation.trackingNumber.isEmpty)
            #expect(try await shop.order(Form(quantity: 2), key: "first") == answer)
            #expect(try await shop.order(Form(quantity: 1), key: "first").status == 422)
            #expect(try await shop.stock() == [3, 0, 2])
            let order = try #require(try await OrderReader(shop.database).order(confirmation.id))
            #expect(order.status == "dispatched" && order.trackingNumber == confirmation.trackingNumber)
            try await shop.expectBalance()
            let aftermath = try await shop.aftermath()
            #expect(aftermath.finished == 1 && aftermath.delivered == 1 && aftermath.toUndoByHand == 0)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let reason: String
        let form: Form
        var status = 422
        var testDescription: String { reason }
    }

    static let refusals = [
        Refusal(reason: "unknown-sku", form: Form(sku: "BOOT-42-TAN")),
        Refusal(reason: "out-of-stock", form: Form(quantity: 6), status: 409),
        Refusal(reason: "declined", form: Form(token: "tok_declined_visa")),
        Refusal(reason: "undeliverable", form: Form(street: "Nowhere 1")),
    ]

    @Test(
        "a refusal of the coupled shop tells its reason, again and again, and leaves no money and no shoes behind",
        arguments: refusals)
    func refuses(refusal: Refusal) async throws {
        try await CoupledShopUnderTest.with { shop in
            let answer = try await shop.order(refusal.form, key: "first")
            #expect(answer.status == refusal.status)
            #expect(try answer.problem().detail?.contains(": \(refusal.reason): ") == true)
            #expect(try await shop.order(refusal.form, key: "first") == answer)
            #expect(try await shop.stock() == [5, 0, 0])
            try await shop.expectBalance()
            let aftermath = try await shop.aftermath()
            #expect(aftermath.finished == 1 && aftermath.delivered == 0 && aftermath.failed == 0)
            #expect(aftermath.paidNotDelivered + aftermath.reservedForNothing + aftermath.toUndoByHand == 0)
        }
    }

    @Test("the coupled shop tells what is wrong with the form field by field, and answers another method 405")
    func form() async throws {
        try await CoupledShopUnderTest.with { shop in
            let answer = try await shop.order(Form(sku: "runner", quantity: 0))
            #expect(answer.status == 422)
            #expect(try answer.problem().errors?.map(\.pointer) == ["/lines/0/sku", "/lines/0/quantity"])
            #expect(try await shop.send(.GET, "\(shop.address)/orders").status == 405)
            #expect(try await shop.aftermath().failed == 0)
        }
    }

    @Test(
        "Friday afternoon in the coupled shop: while the carrier is away customers have paid, get an error, and wait for nothing"
    )
    func fridayAfternoon() async throws {
        try await CoupledShopUnderTest.with { shop in
            try await shop.fault("outage", of: "logistics")
            let answer = try await shop.order(Form(), key: "first")
            #expect(answer.status == 503)
            #expect(try answer.problem().detail?.contains("You have been charged") == true)
            #expect(try await shop.order(Form(), key: "first").status == 409)
            let aftermath = try await shop.aftermath()
            #expect(aftermath.failed == 1 && aftermath.delivered == 0 && aftermath.finished == 0)
            #expect(aftermath.paidNotDelivered == 1 && aftermath.reservedForNothing == 1)
            #expect(aftermath.toUndoByHand == 1 && aftermath.underWay == 0)
        }
    }

    @Test("while the payment provider is away the coupled shop keeps shoes reserved for nobody")
    func paymentOutage() async throws {
        try await CoupledShopUnderTest.with { shop in
            try await shop.fault("outage", of: "payment")
            #expect(try await shop.order(Form()).status == 503)
            let aftermath = try await shop.aftermath()
            #expect(aftermath.reservedForNothing == 1 && aftermath.paidNotDelivered == 0)
            #expect(aftermath.toUndoByHand == 1)
        }
    }

    @Test("a charge whose answer was lost is found in the provider's ledger, where our books know nothing of it")
    func lostAnswer() async throws {
        try await CoupledShopUnderTest.with { shop in
            try await shop.fault("lostAnswer", of: "payment")
            let answer = try await shop.order(Form())
            #expect(answer.status == 502)
            #expect(try answer.problem().detail?.contains("do not know whether you have been charged") == true)
            let aftermath = try await shop.aftermath()
            #expect(aftermath.paidNotDelivered == 1 && aftermath.toUndoByHand == 1)
        }
    }
}

extension CoupledShopUnderTest {
    /// On hand, reserved, taken.
    fileprivate func stock() async throws -> [Int] {
        try await database.query("SELECT on_hand, reserved, taken FROM stock.items") { row in
            [try row[0, as: Int.self], try row[1, as: Int.self], try row[2, as: Int.self]]
        }[0]
    }
}
