import Foundation
import Testing

@testable import ShoeShop

@Suite("Prices and invoices")
struct PriceAndInvoiceTests {
    private let list = PriceList(entries: [
        "A-40-RED": .init(name: "Aster", price: Money(cents: 8_990)),
        "B-41-TAN": .init(name: "Briar", price: Money(cents: 500)),
    ])

    private func placed(_ lines: [OrderLine]) -> PlacedOrder {
        PlacedOrder(
            id: Story.id, customer: Story.order.customer, address: Story.order.address, lines: lines,
            paymentToken: "tok_1")
    }

    @Test("the total of an order is the sum of all lines")
    func total() {
        let quote = list.quote(placed([.init(sku: "A-40-RED", quantity: 2), .init(sku: "B-41-TAN", quantity: 3)]))
        guard case .priced(let order) = quote else { return #expect(Bool(false), "not priced: \(quote)") }
        #expect(order.total == Money(cents: 2 * 8_990 + 3 * 500))
        #expect(order.items == 5)
    }

    @Test("all unknown articles of an order are named at once")
    func unknown() {
        let lines = ["X-1-RED", "A-40-RED", "Y-2-RED"].map { OrderLine(sku: SKU($0), quantity: 1) }
        #expect(list.quote(placed(lines)) == .unknown(["X-1-RED", "Y-2-RED"]))
    }

    @Test("an invoice issued again is the same document")
    func deterministic() {
        #expect(Invoice(for: Story.processed).html == Invoice(for: Story.processed).html)
        #expect(Invoice(for: Story.processed).number == Invoice(for: Story.processed).number)
    }

    @Test("an invoice tells who, what, how many and how much")
    func content() {
        let html = Invoice(for: Story.processed).html
        for text in [
            "Lindenstraße 12", "04229 Leipzig", "Meridian Runner", "84.90 EUR", "169.80 EUR", "244.70 EUR", "ch_1",
        ] {
            #expect(html.contains(text), "\(text) is missing")
        }
    }

    @Test("a customer's text stays text in the invoice")
    func escaped() {
        let address = Address(
            recipient: "<script>alert(1)</script>", street: "A & B", city: "C", postcode: "1", country: "DE")
        let order = PricedOrder(
            id: Story.id, customer: Story.order.customer, address: address, lines: Story.order.lines)
        let processed = OrderProcessed(order: order, chargeID: "ch_1", reservedAt: Story.time(1), paidAt: Story.time(2))
        let html = Invoice(for: processed).html
        #expect(!html.contains("<script>"))
        #expect(html.contains("A &amp; B"))
    }

    @Test("an amount that no number holds is one that no message may carry, and ends nobody")
    func beyond() {
        let most = Money(cents: .max)
        #expect(most + most == most && most * 2 == most && most * -2 == Money(cents: .min))
        let line = PricedLine(sku: "A-40-RED", name: "Aster", quantity: 2, unitPrice: most)
        let order = PricedOrder(
            id: Story.id, customer: Story.order.customer, address: Story.order.address, lines: [line, line])
        #expect(order.total == most)
        #expect(throws: DecodingError.self) {
            _ = try JSONDecoder().decode(Money.self, from: try JSONEncoder().encode(order.total))
        }
    }

    @Test("an invoice of a day that no calendar has is a page all the same", arguments: [-1e300, 1e300, 1e15])
    func noSuchDay(seconds: Double) {
        let day = Date(timeIntervalSince1970: seconds)
        let processed = OrderProcessed(order: Story.order, chargeID: "ch_1", reservedAt: Story.time(1), paidAt: day)
        #expect(Invoice(for: processed).html.contains("<br>–<br>"))
    }

    @Test(
        "amounts read as euros and cents",
        arguments: [(0, "0.00 EUR"), (5, "0.05 EUR"), (123_405, "1234.05 EUR"), (-250, "-2.50 EUR")])
    func money(cents: Int, text: String) {
        #expect(Money(cents: cents).description == text)
    }
}
