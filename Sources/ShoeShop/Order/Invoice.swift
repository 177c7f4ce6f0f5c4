import Foundation

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
        html = Self.page(processed, number: number).text
    }

    /// Derived from the order's id, and therefore as unique as that.
    private static func number(of id: OrderID) -> String {
        "INV-" + String(decoding: id.uuid.uuidString.utf8.filter { $0 != UInt8(ascii: "-") }, as: UTF8.self)
    }

    /// A time that no calendar has can't be stored with the invoice, which therefore never comes to anybody.
    private static func day(_ date: Date) -> String {
        calendar.contains(date) ? String(date.ISO8601Format().prefix(10)) : "–"
    }

    /// The years 1 to 9999.
    private static let calendar =
        Date(timeIntervalSince1970: -62_135_596_800)...Date(timeIntervalSince1970: 253_402_300_799)

    private static func page(_ processed: OrderProcessed, number: String) -> HTML {
        let order = processed.order
        return """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <title>Invoice \(number)</title>
            <style>
            body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}
            table{width:100%;border-collapse:collapse;margin:2rem 0}
            td,th{padding:.4rem;border-bottom:1px solid #ccc;text-align:left}
            .n{text-align:right;white-space:nowrap}
            </style>
            <h1>Invoice</h1>
            <p>\(number)<br>\(day(processed.paidAt))<br>Order \(order.id.description)</p>
            <address>\(order.address.lines.map { "\($0)<br>" })</address>
            <table>
            <tr><th>Article<th>Description<th class="n">Pairs<th class="n">Price<th class="n">Amount
            \(order.lines.map(row))<tr><th colspan="4">Total<th class="n">\(order.total.description)
            </table>
            <p>Paid with charge \(processed.chargeID). Thank you for walking with us.</p>
            </html>

            """
    }

    private static func row(_ line: PricedLine) -> HTML {
        """
        <tr><td>\(line.sku.code)<td>\(line.name)<td class="n">\(line.quantity.description)\
        <td class="n">\(line.unitPrice.description)<td class="n">\(line.price.description)

        """
    }
}

extension Address {
    fileprivate var lines: [String] { [recipient, street, "\(postcode) \(city)", country] }
}
