import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension DeskTests {
    @Test("orders are listed, and found by id, whole address, a part of a name, and status")
    func findOrders() async throws {
        try await Desk.with { desk async throws in
            let ada = try await desk.place(Customer(name: "Ada <Lovelace>", email: "Ada@example.com"))
            let bo = try await desk.place(Customer(name: "Bo", email: "bo@example.com"))
            let all = try await desk.page("/orders")
            #expect(all.contains("\(ada)") && all.contains("\(bo)") && all.contains("Ada &lt;Lovelace&gt;"))
            let byID = try await desk.send(.GET, "/orders?q=\(ada)")
            #expect(byID.status == 303 && byID.headers["Location"] == ["/orders/\(ada)"])
            for query in ["q=ADA%40example.com", "q=lovel", "q=ada%40ex&status=received"] {
                let page = try await desk.page("/orders?\(query)")
                #expect(page.contains("\(ada)") && !page.contains("\(bo)"), "\(query)")
            }
            for query in ["status=paid", "q=nobody", "q=bo%40example.com&status=paid"] {
                #expect(try await desk.page("/orders?\(query)").contains("There is no order like that."), "\(query)")
            }
            #expect(try await desk.page("/services").contains("--shop-folder"))
        }
    }

    @Test("beyond what a page looks at, an order is found by its customer's address, or by looking further back")
    func findOldOrders() async throws {
        try await Desk.with { desk async throws in
            let ada = try await desk.place(Customer(name: "Ada Lovelace", email: "ada@example.com"))
            try await desk.database.script(
                """
                INSERT INTO orders.orders (id, customer_name, customer_email, recipient, street, city, postcode, country)
                    SELECT ('ff000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '', '', '', '', '', '', ''
                    FROM generate_series(1, \(OrderReader.looked)) AS n
                """)
            #expect(try await desk.page("/orders?q=ada%40example.com").contains("\(ada)"))
            let page = try await desk.page("/orders?q=lovelace")
            #expect(page.contains("Among \(OrderReader.looked) orders there is none like that."))
            let link = try #require(page.firstMatch(of: /href="([^"]*before=[^"]*)">Look further back</)?.output.1)
            let next = try await desk.page(String(link).replacing("&amp;", with: "&"))
            #expect(next.contains("\(ada)") && !next.contains("Look further back"))
        }
    }

    @Test("a timeline that leaves out attempts says so, on the page of a key and on that of an order")
    func cutTimelines() async throws {
        try await Desk.with { desk async throws in
            let order = try await desk.place(Customer(name: "Ada Lovelace", email: "ada@example.com"))
            #expect(try await !desk.page("/orders/\(order)").contains("There may be more"))
            let crowd = (0..<300).map { Outgoing("\($0)", key: "\(order)") }
            try await desk.broker.send(crowd, to: Queue<String>("payment"))
            for path in ["/timeline?key=\(order)", "/orders/\(order)"] {
                try await eventually("it says so: \(path)") {
                    let page = try await desk.page(path)
                    return page.contains("There may be more: the latest 300 attempts are shown.")
                        && page.contains("href=\"/messages?q=\(order)\">Look further back<")
                }
            }
        }
    }

    @Test("an order's page tells who, what and how far it is; its invoice is a document that can do nothing")
    func showOrder() async throws {
        try await Desk.with { desk async throws in
            let customer = Customer(name: "Ada <Lovelace>", email: "ada@example.com")
            let id = try await desk.place(customer)
            let answer = try await desk.send(.GET, "/orders/\(id)")
            let told = [
                "Ada &lt;Lovelace&gt;, ada@example.com", "RUNNER-42-TAN", "What its customer is told", ">received<",
                "Attempts, over all queues", "/queues/orders\"", "Call it off",
            ]
            for text in told { #expect(answer.text.contains(text), "\(text)") }
            #expect(!answer.text.contains("<Lovelace>"))
            let policy = try #require(answer.headers["Content-Security-Policy"].first)
            #expect(policy.contains("script-src 'self'") && !policy.contains("unsafe-inline"))

            #expect(try await desk.send(.GET, "/orders/\(id)/invoice").status == 404)
            try await desk.issueInvoice(of: id, to: customer)
            let invoice = try await desk.send(.GET, "/orders/\(id)/invoice")
            #expect(invoice.status == 200 && invoice.text.contains("84.90 EUR"), "\(invoice)")
            let sandbox = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
            #expect(invoice.headers["Content-Security-Policy"] == [sandbox])
            #expect(invoice.headers["X-Content-Type-Options"] == ["nosniff"])
            for path in ["/orders/01a22919-29d7-72b0-8cc7-0e358532fe61", "/orders/x", "/orders/x/invoice"] {
                #expect(try await desk.send(.GET, path).status == 404, "\(path)")
            }
        }
    }

    @Test("an order is called off by an operator, once, which the audit tells, and not by a viewer")
    func cancelOrder() async throws {
        let environment = [
            "OPERATOR_TOKEN": "operators-have-this-one", "VIEWER_TOKEN": "viewers-have-only-this-one",
        ]
        try await Desk.with(environment) { desk async throws in
            let id = try await desk.place(Customer(name: "Ada", email: "ada@example.com"))
            let viewer = Self.login("bob", "viewers-have-only-this-one")
            #expect(try await !desk.page("/orders/\(id)", viewer).contains("Call it off"))
            #expect(try await desk.post("/orders/\(id)/cancel", "", viewer).status == 403)
            #expect(try await desk.broker.operatorActions().isEmpty)

            let `operator` = Self.login("ada", "operators-have-this-one")
            for _ in 0..<2 {
                let answer = try await desk.post("/orders/\(id)/cancel", "", `operator`)
                #expect(answer.status == 303 && answer.headers["Location"] == ["/orders/\(id)"], "\(answer)")
            }
            let actions = try await desk.broker.operatorActions()
            #expect(actions.map(\.by?.name) == ["ada"] && actions.map(\.by?.via) == ["desk"])
            #expect(actions.first?.detail["did"] == "cancel order" && actions.first?.detail["order"] == "\(id)")
            #expect(try await desk.page("/audit", `operator`).contains("cancel order"))
            let page = try await desk.page("/orders/\(id)", `operator`)
            #expect(page.contains("Cancellation") && !page.contains("Call it off"))
            #expect(try await desk.broker.statistics(of: "cancellations").depth == 1)
        }
    }

    @Test("a customer's own wish to call an order off is told on its page, with its time, and is no operator's act")
    func cancelledByCustomer() async throws {
        try await Desk.with { desk async throws in
            let id = try await desk.place(Customer(name: "Ada", email: "ada@example.com"))
            let cancel = CancelOrder(desk.broker)
            let outcome = try await desk.database.write { try cancel.commit(id, in: $0) }
            #expect(outcome == .asked)
            let page = try await desk.page("/orders/\(id)")
            #expect(page.contains(/asked, wished for at <time datetime="20[^"]*">20/))
            #expect(try await desk.broker.operatorActions().isEmpty)
        }
    }

    @Test("an order that is on its way, or is none, isn't called off, and the page says why")
    func cancelTooLate() async throws {
        try await Desk.with { desk async throws in
            let id = try await desk.place(Customer(name: "Ada", email: "ada@example.com"))
            try await desk.database.script(
                "UPDATE orders.orders SET status = 'dispatched', tracking_number = 'SHOE-17'")
            let late = try await desk.post("/orders/\(id)/cancel", "")
            #expect(late.status == 409 && late.text.contains("It is too late: the order is dispatched (SHOE-17)."))
            #expect(try await desk.post("/orders/01a22919-29d7-72b0-8cc7-0e358532fe61/cancel", "").status == 404)
            #expect(try await desk.broker.operatorActions().isEmpty)
        }
    }

    private static func login(_ name: String, _ token: String) -> HTTPHeaders {
        [
            "Authorization": "Basic " + Data("\(name):\(token)".utf8).base64EncodedString(),
            "Sec-Fetch-Site": "same-origin",
        ]
    }
}

extension Desk {
    fileprivate static let somewhere = Address(
        recipient: "Ada", street: "Way 1", city: "Bonn", postcode: "53111", country: "DE")

    /// A pair of shoes, as the shop takes the order.
    func place(_ customer: Customer) async throws -> OrderID {
        let draft = OrderDraft(
            customer: customer, address: Self.somewhere, lines: [OrderLine(sku: SKU("RUNNER-42-TAN"), quantity: 1)],
            paymentToken: "tok_visa_1")
        let outcomes = try await database.write { [broker] session in
            try SubmitOrders(broker).commit([Submission(draft: draft, key: nil, body: [])], in: session)
        }
        guard case .accepted(let id) = outcomes[0] else { throw NeverHappened(description: "\(outcomes)") }
        return id
    }

    /// As the step does that is told of the payment.
    fileprivate func issueInvoice(of id: OrderID, to customer: Customer) async throws {
        let line = PricedLine(
            sku: SKU("RUNNER-42-TAN"), name: "Meridian Runner", quantity: 1, unitPrice: Money(cents: 8490))
        let order = PricedOrder(id: id, customer: customer, address: Self.somewhere, lines: [line])
        let processed = OrderProcessed(order: order, chargeID: "ch_1", reservedAt: Date(), paidAt: Date())
        try await database.write { Invoices.issue(for: [processed], in: $0) }
    }
}
