import Foundation
import Mustache

/// The invoice of a processed order, as one page of HTML without references to anything outside.
///
/// A pure function of the event: issued again, it is the same document.
struct Invoice {
    let orderID: OrderID
    let number: String
    let issuedAt: Date
    let html: String

    init(for processed: OrderProcessed) {
        let order = processed.order
        orderID = order.id
        number = Self.number(of: order.id)
        issuedAt = processed.paidAt
        html = Self.template.render(
            [
                "number": number,
                "date": Self.day(processed.paidAt),
                "order": order.id.description,
                "address": order.address.lines,
                "lines": order.lines.map { line -> [String: Any] in
                    [
                        "sku": line.sku.code, "name": line.name, "quantity": line.quantity,
                        "unitPrice": line.unitPrice.description, "price": line.price.description,
                    ]
                },
                "total": order.total.description,
                "charge": processed.chargeID,
            ] as [String: Any])
    }

    /// Derived from the order's id, and therefore as unique as that.
    private static func number(of id: OrderID) -> String {
        "INV-" + id.description.replacing("-", with: "").uppercased()
    }

    private static func day(_ date: Date) -> String {
        String(date.ISO8601Format().prefix(10))
    }

    /// A constant that doesn't parse is a mistake in this file; the tests render it.
    private static let template: MustacheTemplate = {
        do { return try MustacheTemplate(string: text) } catch { preconditionFailure("invoice template: \(error)") }
    }()

    private static let text = """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <title>Invoice {{number}}</title>
        <style>
        body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}
        table{width:100%;border-collapse:collapse;margin:2rem 0}
        td,th{padding:.4rem;border-bottom:1px solid #ccc;text-align:left}
        .n{text-align:right;white-space:nowrap}
        </style>
        <h1>Invoice</h1>
        <p>{{number}}<br>{{date}}<br>Order {{order}}</p>
        <address>{{#address}}{{.}}<br>{{/address}}</address>
        <table>
        <tr><th>Article<th>Description<th class="n">Pairs<th class="n">Price<th class="n">Amount
        {{#lines}}
        <tr><td>{{sku}}<td>{{name}}<td class="n">{{quantity}}<td class="n">{{unitPrice}}<td class="n">{{price}}
        {{/lines}}
        <tr><th colspan="4">Total<th class="n">{{total}}
        </table>
        <p>Paid with charge {{charge}}. Thank you for walking with us.</p>
        </html>

        """
}

extension Address {
    fileprivate var lines: [String] { [recipient, street, "\(postcode) \(city)", country] }
}
