import ArgumentParser
import Foundation
import MessageQueue
import Postgres
import ShoeShop
import Terminal

struct Orders: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Finds orders, shows one with what its customer was told, prints its invoice, and calls it off.",
        discussion: "What happened to an order in the queues shows shoeshop trace.",
        subcommands: [FindOrders.self, ShowOrder.self, PrintInvoice.self, CallOff.self],
        defaultSubcommand: FindOrders.self)
}

struct FindOrders: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Lists orders, the newest first.",
        discussion: """
            The orders of a whole e-mail address are looked up. For a part of one, or of a name, a page looks at \(OrderReader.looked)
            orders; when there are more, its last line says how to go on.
            """)

    @Argument(help: "The customer's e-mail address, or a part of it or of their name.")
    var text: String?
    @Option(help: "Only those that stand so, such as paid.")
    var status: String?
    @Option(help: "Those before this order: where the page before says that it goes on.", transform: Self.order)
    var before: OrderID?
    @Option(help: Allowed.listed.help("The most that are listed.", default: 50), transform: Allowed.listed.read)
    var limit = 50
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    func run() async throws {
        let page = try await connection.withDatabase {
            try await OrderReader($0).latest(before: before, status: status, text: text, limit: limit)
        }
        try output.show(OrderPageReport(page)) {
            Table(
                [
                    .text("PLACED"), .text("ORDER"), .text("CUSTOMER"), .text("E-MAIL"), .number("TOTAL"),
                    .text("STATUS"),
                ],
                rows: page.orders.map { order in
                    [
                        order.placedAt.ISO8601Format(), "\(order.id)", order.customer, order.email,
                        order.total.map { "\($0)" } ?? "-", order.status,
                    ]
                })
        }
        if let next = page.next, !output.json { Output.print("More: --before \(next)") }
    }

    static func order(_ text: String) throws -> OrderID {
        guard let id = OrderID(text) else { throw ValidationError("\(text) is no order id (a UUID).") }
        return id
    }
}

struct ShowOrder: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows all of an order.")

    @OptionGroup var target: OrderTarget

    func run() async throws {
        let report = try await target.connection.withDatabase { database in
            let reader = OrderReader(database)
            guard let order = try await reader.order(target.id), let steps = try await reader.events(of: target.id)
            else {
                throw OrderTarget.unknown
            }
            return OrderReport(order: order, timeline: steps)
        }
        try target.output.show(report, text: report.text)
    }
}

struct PrintInvoice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoice", abstract: "Prints the invoice of an order, a page of HTML.")

    @OptionGroup var target: OrderTarget

    func run() async throws {
        let answer = try await target.connection.withDatabase { try await OrderReader($0).invoice(of: target.id) }
        switch answer {
        case .issued(let page): try target.output.show(["invoice": page], text: page)
        case .notIssuedYet: throw ValidationError("There is no invoice yet: invoices are issued once paid.")
        case .noSuchOrder: throw OrderTarget.unknown
        }
    }
}

struct CallOff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "cancel", abstract: "Calls an order off.")

    @OptionGroup var target: OrderTarget

    func run() async throws {
        let outcome = try await target.connection.withDatabase { database in
            let broker = Broker(database)
            return try await CancelOrder(broker).commit(target.id, by: Operator.current, on: database)
        }
        switch outcome {
        case .asked, .cancelled:
            try target.output.show(["cancelled": "\(target.id)"], text: "Order \(target.id) is being called off.")
        case .noSuchOrder: throw OrderTarget.unknown
        case .tooLate(let status, let detail):
            throw ValidationError("It is too late: the order is \(status.name)\(detail.map { " (\($0))" } ?? "").")
        }
    }
}

struct OrderTarget: ParsableArguments {
    @Argument(help: "The order's id.", transform: FindOrders.order)
    var id: OrderID
    @OptionGroup var connection: DatabaseOption
    @OptionGroup var output: Output

    static var unknown: ValidationError { ValidationError("There is no such order.") }
}

private struct OrderLineReport: Encodable {
    let order, status, customer, email: String
    let placedAt: Date
    let totalCents: Int?

    init(_ order: OrderSummary) {
        (self.order, status, customer, email) = ("\(order.id)", order.status, order.customer, order.email)
        (placedAt, totalCents) = (order.placedAt, order.total?.cents)
    }
}

private struct OrderPageReport: Encodable {
    let orders: [OrderLineReport]
    let next: String?

    init(_ page: OrderPage) { (orders, next) = (page.orders.map(OrderLineReport.init), page.next.map { "\($0)" }) }
}

private struct OrderReport: Encodable {
    let order: OrderView
    let timeline: [TimelineEntry]

    var text: String {
        let address = order.address
        let facts: [(String, String?)] = [
            ("order", "\(order.id)"), ("status", order.status), ("placed", order.placedAt.ISO8601Format()),
            ("customer", "\(order.customer.name), \(order.customer.email)"),
            ("to", "\(address.recipient), \(address.street), \(address.postcode) \(address.city), \(address.country)"),
            ("lines", order.lines.map { "\($0.quantity) x \($0.sku.code)" }.joined(separator: ", ")),
            ("total", order.total.map { "\($0)" }), ("tracking", order.trackingNumber),
            ("rejected", order.rejection.map { $0.detail ?? $0.reason.rawValue }),
        ]
        let steps = timeline.map { ($0.milestone.rawValue, "\($0.at.ISO8601Format()) \($0.detail ?? "")" as String?) }
        return (facts + steps).compactMap { name, value in
            value.map { name.padding(toLength: 12, withPad: " ", startingAt: 0) + $0.visibleLine }
        }.joined(separator: "\n")
    }
}
