import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

extension SystemTests {
    @Test(
        "in a browser: shoes are ordered, the carrier goes down, and with the desk alone the order is brought on its way"
    )
    func fridayInABrowser() async throws {
        try await withDesk { shop, desk, browser in
            try await shop.fault("logistics", #"{"mode": "outage"}"#)
            let window = shop.api.addresses["address"] ?? ""
            try await browser.open(window)
            try await browser.sees("Meridian Runner")
            try await browser.click(".card button")
            try await browser.sees("What you chose")
            try await browser.click("form.checkout button")
            try await browser.sees("Nothing was ordered yet")
            #expect(try await browser.text("#wrong-email").contains("must be an e-mail address"))
            let fields = [
                ("name", "Ada"), ("email", "ada@example.com"), ("recipient", "Ada"), ("street", "Way 1"),
                ("postcode", "53111"), ("city", "Bonn"),
            ]
            for (name, text) in fields { try await browser.fill("[name=\(name)]", text) }
            try await browser.click("form.checkout button")
            // Nobody reloads this page: it is told.
            try await browser.sees("Paid. We are booking the carrier.")
            let order = try await browser.address
            let key = try await browser.text("section.key code")

            try await browser.open(desk)
            try await browser.sees("logistics has 1 dead letter")
            try await browser.follow("logistics has 1 dead letter")
            try await browser.sees("attempts-exhausted")
            try await shop.clearFaults(of: "logistics")
            try await browser.follow("Redrive")
            try await browser.sees("1 dead letter will be sent back")
            try await browser.click("[name=sure]")
            try await browser.click("main form button")
            try await browser.sees("ended")
            try await browser.sees("done", in: "table")

            try await browser.open(order)
            try await browser.sees("Your shoes are with the carrier.")
            #expect(try await !browser.text().contains(key), "it is shown once")
            try await browser.open(window + "/mine")
            try await browser.sees("dispatched")
            try await browser.click("form.key button")
            try await browser.sees("This browser knows of no orders of yours.")
            try await browser.fill("[name=key]", key)
            try await browser.click("form.key button")
            try await browser.sees("dispatched")
        }
    }

    @Test("without JavaScript shoes are ordered all the same, and arrive, and the desk shows names with marks in them")
    func withoutScripts() async throws {
        try await withDesk { shop, desk, browser in
            try await browser.forbidScripts(true)
            let window = shop.api.addresses["address"] ?? ""
            try await browser.open(window)
            try await browser.click(".card button")
            let fields = [
                ("name", "Bo <b>"), ("email", "bo@example.com"), ("recipient", "Bo"), ("street", "Way 1"),
                ("postcode", "53111"), ("city", "Bonn"),
            ]
            for (name, text) in fields { try await browser.fill("[name=\(name)]", text) }
            try await browser.click("form.checkout button")
            let order = try await browser.address
            #expect(order.contains("/orders/"))
            try await browser.follow("I have kept it")
            #expect(try await browser.address == order)
            try await eventually("it arrives") { try await shop.count(status: "dispatched") == 1 ? () : nil }
            try await browser.open(order)
            try await browser.forbidScripts(false)
            try await browser.sees("Your shoes are with the carrier.")
            try await browser.open(desk + "/orders")
            try await browser.sees("Bo <b>")
        }
    }

    @Test("axe finds nothing wrong with any page, light or dark, on a wide screen or a phone")
    func accessibility() async throws {
        let axe = try Axe.source
        try await withDesk { shop, desk, browser in
            let window = shop.api.addresses["address"] ?? ""
            let orders = try await shop.submit(3)
            try await eventually("they arrive") { try await shop.count(status: "dispatched") == 3 ? () : nil }
            let broker = Broker(shop.database)
            try await broker.send(Draft(body: Array("[]".utf8)), to: "refunds")
            try await eventually("it is dead") { try await broker.deadLetterCount() == 1 ? () : nil }
            try await broker.send(Draft(body: Array("[]".utf8), delay: .seconds(3600)), to: "refunds")
            let receipt = try #require(try await broker.scheduled(in: "refunds").entries.first).receipt
            let message = try #require(try await broker.deadLetters().first).message.id
            _ = try await broker.redrive(DeadLetterFilter(queue: "refunds"))
            let redrive = try #require(try await broker.operatorActions().first).number
            try await eventually("it is dead again") { try await broker.deadLetterCount() == 1 ? () : nil }
            try await Self.block(on: broker)
            let pages =
                [
                    "/", "/queues/payment", "/queues/ledger", "/actions/\(redrive)", "/messages/none",
                    "/messages?queue=payment", "/messages/\(message)",
                    "/timeline?key=\(orders[0])", "/dead", "/dead/redrive?queue=refunds", "/send?queue=payment",
                    "/queues/payment/purge", "/queues/refunds/scheduled", "/queues/payment/held?key=a",
                    "/queues/refunds/scheduled/cancel?receipt=\(receipt)", "/queues/refunds/hasten", "/audit",
                    "/orders", "/orders/\(orders[0])", "/services",
                ].map { desk + $0 } + ["/", "/basket", "/orders/\(orders[0])", "/mine"].map { window + $0 }
            try await Self.check(axe, in: browser, "/mine, unknown") { try await browser.open(window + "/mine") }
            // Filled by one who has bought something, and is about to again.
            try await browser.open(window)
            try await browser.click(".card button")
            try await Self.buy(in: browser)
            try await browser.sees("Your key")
            #expect(try await Axe.violations(in: browser, axe).isEmpty, "the page with the key")
            try await browser.open(window)
            try await browser.click(".card button")
            for page in pages { try await Self.check(axe, in: browser, page) { try await browser.open(page) } }
            try await Self.check(axe, in: browser, "/basket, refused") {
                try await browser.open(window + "/basket")
                try await browser.sees("What you chose")
                try await browser.click("form.checkout button")
                try await browser.sees("Nothing was ordered yet")
            }
            let label = "return getComputedStyle(document.querySelector('tbody td:nth-child(3)'), '::before').content"
            #expect(try await browser.script(label) as? String == "\"Price\"", "a phone names the cells of the basket")
            try await Self.check(axe, in: browser, "/send, refused") {
                try await browser.open(desk + "/send?queue=cancellations")
                try await browser.click("main form button")
                try await browser.sees("Nothing was sent: see below.")
                #expect(try await browser.text("#wrong-body").contains("orderID is missing"))
            }
            try await browser.open(window + "/mine")
            #expect(try await browser.text("main").contains(": "))
        }
    }

    /// A key of a queue of its own that waits for an operator.
    private static func block(on broker: Broker) async throws {
        try await broker.declare(queue: "ledger", QueueSettings(order: .blockOnFailure))
        try await broker.send("entry", to: Queue<String>("ledger"), key: "order-1")
        let received = try await broker.receive("ledger", lease: .seconds(600))
        try await broker.deadLetter(received.map { .init($0, reason: "test", error: "it was given up") })
        try #require(try await broker.blockedKeys(of: "ledger").count == 1)
    }

    @Test("a page that changes by itself is held by a button, as are the pages after it, until it is let go on")
    func held() async throws {
        try await withDesk { shop, desk, browser in
            let broker = Broker(shop.database)
            func isHeld() async throws -> String? {
                try await browser.script("return document.querySelector('.hold')?.getAttribute('aria-pressed')")
                    as? String
            }
            try await browser.open(desk + "/queues/payment")
            #expect(try await isHeld() == "false")
            try await browser.click(".hold")
            try await broker.pause("payment")
            try await eventually("the page was told, and kept it to itself") {
                try await browser.script("return missed?.texts['payment state']") as? String == "paused"
            }
            #expect(try await !browser.text("p.state").contains("PAUSED"))
            try await browser.open(desk + "/audit")
            #expect(try await isHeld() == "true")
            try await browser.open(desk + "/messages")
            #expect(try await isHeld() == nil, "it never changes by itself")
            try await browser.open(desk + "/queues/payment")
            try await browser.sees("PAUSED", in: "p.state")
            try await broker.resume("payment")
            try await eventually("the page was told") {
                try await browser.script("return missed?.texts['payment state']") as? String == ""
            }
            try await browser.click(".hold")
            #expect(try await isHeld() == "false")
            #expect(try await !browser.text("p.state").contains("PAUSED"))
        }
    }

    @Test("what needs a person is told anew where it stands, and takes neither focus nor page from whoever reads")
    func attention() async throws {
        try await withDesk { shop, desk, browser in
            let broker = Broker(shop.database)
            func fail(_ count: Int) async throws {
                try await broker.send(Draft(body: Array("[]".utf8)), to: "refunds")
                try await eventually("it is dead") { try await broker.deadLetterCount() == count ? () : nil }
            }
            func focused() async throws -> String? {
                try await browser.script("return document.activeElement.textContent") as? String
            }
            try await fail(1)
            try await browser.open(desk)
            try await browser.sees("refunds has 1 dead letter")
            _ = try await browser.script("document.querySelector('.attention a').focus()")
            try await fail(2)
            try await browser.sees("refunds has 2 dead letters")
            #expect(try await focused() == "refunds has 2 dead letters")
            #expect(try await browser.text("[data-news]").isEmpty, "it was told before")
            // Another queue: the page is no longer the right one, and stays until the focus is elsewhere.
            try await Self.block(on: broker)
            try await browser.sees("ledger has 1 blocked key", in: ".attention")
            #expect(try await browser.text("[data-news]").contains("ledger has 1 blocked key"))
            #expect(try await focused() == "refunds has 2 dead letters")
            try await browser.sees("Queues, topics or workers came or went", in: "[data-stale]")
            #expect(try await !browser.text("table").contains("ledger"))
            _ = try await browser.script("document.activeElement.blur()")
            try await browser.sees("ledger", in: "table")
        }
    }

    @Test("in the picture of an open page a queue's frame and number turn red when a message is given up in it")
    func redFrame() async throws {
        try await withDesk { shop, desk, browser in
            let broker = Broker(shop.database)
            func colours() async throws -> [String] {
                try await browser.script(
                    """
                    const dead = document.querySelector(".flow [data-live='refunds dead']");
                    const frame = dead.closest("a").querySelector("rect");
                    return [getComputedStyle(dead).fill, getComputedStyle(frame).stroke];
                    """) as? [String] ?? []
            }
            try await browser.look(dark: false, width: 1400)
            try await browser.open(desk)
            #expect(try await !colours().contains("rgb(179, 38, 30)"))
            try await broker.send(Draft(body: Array("[]".utf8)), to: "refunds")
            try await eventually("it is told") {
                let text = try await browser.script(
                    "return document.querySelector(\".flow [data-live='refunds dead']\").textContent")
                return text as? String == "1" ? () : nil
            }
            #expect(try await colours() == ["rgb(179, 38, 30)", "rgb(179, 38, 30)"])
            _ = try await broker.purge(DeadLetterFilter(queue: "refunds"))
            try await eventually("it is gone") { try await !colours().contains("rgb(179, 38, 30)") }
        }
    }

    @Test("eight tabs of the desk and eight of the shop are all answered, and each is live again as soon as it is seen")
    func manyTabs() async throws {
        try await withDesk { shop, desk, browser in
            let broker = Broker(shop.database)
            try await shop.fault("logistics", #"{"mode": "outage"}"#)
            let order = try await shop.submit(1)[0]
            try await eventually("it stands still") { try await broker.deadLetterCount() == 1 ? () : nil }
            try await browser.limitLoads(toSeconds: 30)
            var first: [String] = []
            for page in [desk + "/queues/payment", "\(shop.api.addresses["address"] ?? "")/orders/\(order)"] {
                for number in 0..<8 {
                    try await browser.openTab()
                    if number == 0 { first.append(try await browser.tab) }
                    try await browser.open(page)
                }
            }
            try await browser.show(tab: first[0])
            try await broker.pause("payment")
            try await browser.sees("PAUSED", in: "p.state")
            try await browser.show(tab: first[1])
            try await shop.clearFaults(of: "logistics")
            _ = try await broker.redrive(DeadLetterFilter(queue: "logistics"))
            try await browser.sees("Your shoes are with the carrier.")
        }
    }

    private static func check(
        _ axe: String, in browser: Browser, _ name: String, _ open: () async throws -> Void
    ) async throws {
        for (dark, width) in [(false, 1400), (true, 390)] {
            try await browser.look(dark: dark, width: width)
            try await open()
            let found = try await Axe.violations(in: browser, axe)
            #expect(found.isEmpty, "\(name) \(dark ? "dark, narrow" : "light, wide"): \(found)")
        }
    }

    /// What lies in the basket.
    private static func buy(in browser: Browser) async throws {
        try await browser.sees("What you chose")
        let fields = [
            ("name", "Cy"), ("email", "cy@example.com"), ("recipient", "Cy"), ("street", "Way 1"),
            ("postcode", "53111"), ("city", "Bonn"),
        ]
        for (name, text) in fields { try await browser.fill("[name=\(name)]", text) }
        try await browser.click("form.checkout button")
        try await eventually("it is ordered") { try await browser.address.contains("/orders/") ? () : nil }
    }

    private func withDesk(
        _ body: @escaping @Sendable (ShopUnderTest, String, Browser) async throws -> Void
    ) async throws {
        try await ShopUnderTest.with { shop, _ in
            try await shop.database.execute(
                "UPDATE mq.queues SET max_attempts = 2, backoff_base_ms = 50 WHERE name = 'logistics'")
            try await shop.start(["shop-desk"]) { running in
                let desk = running[0].addresses["address"] ?? ""
                try await Browser.with { try await body(shop, desk, $0) }
            }
        }
    }
}

/// axe-core, which `scripts/install --tests` fetches.
enum Axe {
    struct Missing: Error, CustomStringConvertible {
        let description = "axe-core is missing: scripts/install --tests"
    }

    static var source: String {
        get throws {
            let folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            let file = folder.appending(path: "../../.build-axe/axe_playwright_python/axe.min.js").standardized
            guard let source = try? String(contentsOf: file, encoding: .utf8) else { throw Missing() }
            return source
        }
    }

    /// What is wrong with the page, a line each.
    static func violations(in browser: Browser, _ source: String) async throws -> [String] {
        _ = try await browser.script(source)
        let found = try await browser.asynchronous(
            """
            const done = arguments[arguments.length - 1];
            axe.run().then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).slice(0, 2).join(' | '))));
            """)
        return found as? [String] ?? ["axe said nothing"]
    }
}
