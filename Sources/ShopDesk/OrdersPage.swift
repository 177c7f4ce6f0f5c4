import Foundation
import HTTPTypes
import Hummingbird
import MessageQueue
import NIOCore
import Postgres
import QueueDesk
import ShoeShop

/// Orders: found, followed through all queues, with their invoice, and called off.
struct OrdersPage {
    let desk: QueueDesk
    let shop: Shop
    private let reader: OrderReader

    private static let limit = 50
    private static let attempts = 300
    private static let refresh = Duration.seconds(5)
    private static let refreshOfOne = Duration.seconds(3)
    private static let statuses = ["received", "priced", "paid", "dispatched", "rejected", "cancelled"]

    init(desk: QueueDesk, shop: Shop) {
        self.desk = desk
        self.shop = shop
        reader = OrderReader(shop.database)
    }

    func add(to router: some RouterMethods) {
        router.get("orders") { request, _ in try await list(try Fields(query: request)) }
        router.get("orders/:id") { _, context in try await show(try Self.id(in: context)) }
        router.get("orders/:id/invoice") { _, context in try await invoice(of: try Self.id(in: context)) }
        router.post("orders/:id/cancel") { _, context in try await cancel(try Self.id(in: context)) }
    }

    private static func id(in context: some RequestContext) throws -> OrderID {
        guard let id = context.parameters.get("id").flatMap({ OrderID($0) }) else {
            throw Refusal(.notFound, "There is no such order.")
        }
        return id
    }

    // MARK: Finding

    private func list(_ fields: Fields) async throws -> Response {
        if let id = fields["q"].flatMap({ OrderID($0) }) { return desk.seeOther("/orders/\(id)") }
        let page = try await orders(like: fields)
        return desk.page(
            "Orders", at: "/orders", refresh: fields["before"] == nil ? Self.refresh : nil,
            [form(fields), table(page), older(page, fields)])
    }

    private func orders(like fields: Fields) async throws -> OrderPage {
        let (before, status, text) = (fields["before"], fields["status"], fields["q"])
        let question = desk.path("/orders", ["before": before, "status": status, "q": text])
        return try await desk.shared(question, refresh: Self.refresh) { [reader] in
            try await reader.latest(
                before: before.flatMap { OrderID($0) }, status: status, text: text, limit: Self.limit)
        }
    }

    private func form(_ fields: Fields) -> DeskHTML {
        DeskHTML(
            "form", ["method": "get", "action": desk.path("/orders"), "class": "search", "role": "search"],
            [
                .field(
                    "Order, e-mail address, or part of a name or address", .input("q", fields["q"], type: "search")),
                .field("Status", .select("status", Self.statuses, chosen: fields["status"], none: "any")),
                .button("Find"),
            ])
    }

    private func table(_ page: OrderPage) -> DeskHTML {
        DeskHTML.table(
            "Orders, the newest first", ["Placed", "Order", "Customer", "E-mail", "#Total", "Status"],
            page.orders.map { order in
                [
                    .moment(order.placedAt), .link("\(order.id)", to: desk.path("/orders/\(order.id)")),
                    .text(order.customer), .text(order.email), .text(order.total.map { "\($0)" } ?? "–"),
                    .badge(order.status),
                ]
            },
            empty: page.next == nil
                ? "There is no order like that." : "Among \(OrderReader.looked) orders there is none like that.")
    }

    private func older(_ page: OrderPage, _ fields: Fields) -> DeskHTML {
        guard let next = page.next else { return .text("") }
        return .paragraph(
            .link(
                "Look further back",
                to: desk.path("/orders", ["before": "\(next)", "status": fields["status"], "q": fields["q"]])))
    }

    // MARK: One order

    private struct Seen: Sendable {
        let order: OrderView
        let events: [TimelineEntry]
        let attempts: [TraceEntry]
    }

    private func read(_ id: OrderID) async throws -> Seen {
        let question = desk.path("/orders/\(id)")
        return try await desk.shared(question, refresh: Self.refreshOfOne) { [reader, broker = shop.broker] in
            guard let order = try await reader.order(id), let events = try await reader.events(of: id) else {
                throw Refusal(.notFound, "There is no such order.")
            }
            return Seen(order: order, events: events, attempts: try await broker.trace("\(id)", limit: Self.attempts))
        }
    }

    private func show(_ id: OrderID) async throws -> Response {
        let seen = try await read(id)
        return desk.page(
            "Order \(id)", refresh: Self.refreshOfOne,
            [
                facts(seen.order), actions(seen.order), lines(seen.order), steps(seen.events),
                desk.timeline(of: seen.attempts, about: "\(id)", limit: Self.attempts),
            ])
    }

    private func facts(_ order: OrderView) -> DeskHTML {
        let address = order.address
        return DeskHTML.facts([
            ("Status", .badge(order.status)), ("Placed", .moment(order.placedAt)),
            ("Customer", .text("\(order.customer.name), \(order.customer.email)")),
            (
                "To",
                .text(
                    "\(address.recipient), \(address.street), \(address.postcode) \(address.city), \(address.country)")
            ),
            ("Total", .text(order.total.map { "\($0)" } ?? "not priced yet")),
            ("Tracking number", order.trackingNumber.map { DeskHTML.text($0) }),
            (
                "Rejected",
                order.rejection.map { .text("\($0.reason.rawValue)\($0.detail.map { ": \($0)" } ?? "")") }
            ),
            ("Refunded", order.refundedAt.map { DeskHTML.moment($0) }),
            (
                "Cancellation",
                order.cancellation.map {
                    DeskHTML([.text("\($0.state.rawValue), wished for at "), .moment($0.askedAt)])
                }
            ),
        ])
    }

    private func actions(_ order: OrderView) -> DeskHTML {
        let isOpen = ["received", "priced", "paid"].contains(order.status) && order.cancellation == nil
        let links: [DeskHTML] = [
            .link("Invoice", to: desk.path("/orders/\(order.id)/invoice")),
            Visitor.mayChange && isOpen ? desk.button("Call it off", "/orders/\(order.id)/cancel") : "",
        ]
        return DeskHTML("div", ["class": "row"], links)
    }

    private func lines(_ order: OrderView) -> DeskHTML {
        DeskHTML.table(
            "Its lines", ["Article", "Name", "#Pairs", "#Price"],
            order.lines.map { line in
                [
                    .text(line.sku.code), .text(line.name ?? "not for sale"), .text("\(line.quantity)"),
                    .text(line.unitPrice.map { "\($0)" } ?? "–"),
                ]
            }, empty: "")
    }

    private func steps(_ events: [TimelineEntry]) -> DeskHTML {
        DeskHTML.table(
            "What its customer is told", ["At", "Step", "More"],
            events.map { [.moment($0.at), .badge($0.milestone.rawValue), .text($0.detail ?? "")] }, empty: "")
    }

    private func invoice(of id: OrderID) async throws -> Response {
        switch try await reader.invoice(of: id) {
        case .issued(let page):
            return Response(
                status: .ok,
                headers: [
                    .contentType: "text/html; charset=utf-8", .contentSecurityPolicy: InvoiceAnswer.policy,
                ], body: .init(byteBuffer: ByteBuffer(string: page)))
        case .notIssuedYet: throw Refusal(.notFound, "There is no invoice yet: invoices are issued once paid.")
        case .noSuchOrder: throw Refusal(.notFound, "There is no such order.")
        }
    }

    private func cancel(_ id: OrderID) async throws -> Response {
        let outcome = try await desk.acting {
            try await CancelOrder(shop.broker).commit(id, by: Operator.current, on: shop.database)
        }
        switch outcome {
        case .asked, .cancelled: return desk.seeOther("/orders/\(id)")
        case .noSuchOrder: throw Refusal(.notFound, "There is no such order.")
        case .tooLate(let status, let detail):
            throw Refusal(
                .conflict, "It is too late: the order is \(status.name)\(detail.map { " (\($0))" } ?? "").")
        }
    }
}
