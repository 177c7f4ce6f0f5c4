import Foundation
import ShoeShop

/// An order on its way, step by step.
struct OrderJourney {
    private let order: OrderView
    private let events: [TimelineEvent]
    /// Shown beside it; nil once its customer has seen it.
    private let key: CustomerToken?

    private static let way: [(Milestone, String)] = [
        (.received, "Received"), (.priced, "Priced"), (.reserved, "Shoes set aside"), (.paid, "Paid"),
        (.dispatched, "With the carrier"),
    ]
    private static let ends: [(Milestone, String)] = [
        (.rejected, "Rejected"), (.cancelled, "Called off"), (.refunded, "Money sent back"),
    ]

    /// - Parameter events: read before the order: what is told after the last of them may already be seen, and is never missed.
    init(_ order: OrderView, _ events: [TimelineEvent], key: CustomerToken? = nil) {
        self.order = order
        self.events = events
        self.key = key
    }

    var page: WindowPage {
        let shown: HTML = key.map { KeyView.shown($0, on: order.id) } ?? ""
        return WindowPage("Your order", "\(shown)\(html)", looksAgain: !isOver && key == nil)
    }

    private var isCancelled: Bool { ["rejected", "cancelled"].contains(order.status) }

    /// What was paid for and isn't sent is over once the money was sent back.
    private var isOver: Bool {
        order.status == "dispatched" || isCancelled && (reached(.paid) == nil || reached(.refunded) != nil)
    }

    private var html: HTML {
        let id = order.id.description
        let shown =
            (isCancelled ? Self.way.filter { reached($0.0) != nil } : Self.way)
            + Self.ends.filter { reached($0.0) != nil }
        return """
            <div data-follow="/orders/\(id)/events" data-place="\(place)" data-over="\(isOver ? "yes" : "no")">
            <p class="status" role="status">\(sentence)</p>
            <ol class="journey">\(shown.map(step))</ol>
            <p>Order <code>\(id)</code>\(order.trackingNumber.map { ", tracking number \($0)" } ?? "")</p>
            <ul>\(order.lines.map(line))</ul>
            \(order.total.map { "<p>Together \($0.description)</p>" as HTML } ?? "")
            \(buttons(id))</div>

            """
    }

    private var place: String { (events.last?.place ?? 0).description }

    private func reached(_ milestone: Milestone) -> TimelineEvent? { events.first { $0.milestone == milestone } }

    private func step(_ milestone: Milestone, _ text: String) -> HTML {
        guard let entry = reached(milestone) else { return "<li>\(text)</li>" }
        let detail: HTML = entry.detail.map { " <small>\($0)</small>" } ?? ""
        return "<li class=\"reached\">\(text) <time>\(entry.at.formatted(.iso8601))</time>\(detail)</li>"
    }

    private func line(_ line: OrderView.Line) -> HTML {
        "<li>\(line.quantity.description) × \(line.name ?? line.sku.code), \(line.sku.code)</li>"
    }

    private var sentence: String {
        if order.cancellation?.state == .asked {
            return "You called it off. It is stopped, unless the carrier is faster."
        }
        return switch order.status {
        case "received": "We have your order."
        case "priced": "Your order is being put together."
        case "paid": "Paid. We are booking the carrier."
        case "dispatched": "Your shoes are with the carrier.\(isTooLate ? " It was too late to call them off." : "")"
        case "rejected": "We can't serve this order\(order.rejection.map { ": \($0.reason.rawValue)" } ?? "")."
        case "cancelled": "Called off."
        default: order.status
        }
    }

    private var isTooLate: Bool { order.cancellation?.state == .tooLate }

    private func buttons(_ id: String) -> HTML {
        let invoice: HTML = reached(.paid) == nil ? "" : "<a href=\"/orders/\(id)/invoice\">Invoice</a>"
        let isOpen = ["received", "priced", "paid"].contains(order.status)
        guard isOpen, order.cancellation == nil else { return invoice }
        return """
            <form method="post" action="/orders/\(id)/cancel" class="row">\(invoice)<button class="quiet">Call it off</button></form>
            """
    }
}
