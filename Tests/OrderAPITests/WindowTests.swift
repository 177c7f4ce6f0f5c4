import Foundation
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension OrderAPITests {
    @Suite("the shop in a browser")
    struct WindowTests {
        private static let fields =
            "name=Ada&email=ada%40example.com&recipient=Ada&street=Way+1&postcode=53111&city=Bonn"
            + "&country=DE&card=tok_visa_window&line=RUNNER-42-TAN%3A2"

        @Test("the shelf shows what is in stock, with pictures of its own, and asks nothing of anybody else")
        func shelf() async throws {
            try await API.with { api async throws in
                let page = try await api.get("/")
                #expect(page.status == 200 && page.text.contains("Meridian Runner") && page.text.contains("in stock"))
                #expect(!page.text.contains("http://") && !page.text.contains("https://"))
                let policy = page.header("Content-Security-Policy").first ?? ""
                #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"))
                let picture = try await api.get("/pictures/RUNNER.tan.svg")
                #expect(picture.status == 200 && picture.type == "image/svg+xml")
                for path in ["/pictures/RUNNER.pink.svg", "/pictures/..%2f..%2fetc%2fpasswd", "/pictures/x"] {
                    #expect(try await api.get(path).status == 404, "\(path)")
                }
                try await api.database.execute("UPDATE stock.items SET on_hand = 3, taken = delivered - 3")
                try await eventually("few are left") {
                    try await api.get("/stock").text.contains("only 3 left") ? () : nil
                }
            }
        }

        @Test("a basket is kept by its browser; what can't be read in it is not there")
        func basket() async throws {
            try await API.with { api async throws in
                let added = try await api.form("/basket/lines", "sku=RUNNER-42-TAN&quantity=2")
                #expect(added.status == 303 && added.header("Set-Cookie")[0].hasPrefix("basket=RUNNER-42-TAN:2;"))
                #expect(added.header("Set-Cookie")[0].contains("HttpOnly; SameSite=Lax"))
                let page = try await api.send(
                    .GET, "/basket", nil, ["Cookie": "a=b; basket=RUNNER-42-TAN:2~X:1~%00:3~Y"])
                #expect(page.text.contains("169.80 EUR") && page.text.contains("not for sale"))
                for label in ["Shoe", "Size", "Price", "Pairs", "Stock"] {
                    #expect(page.text.contains("<td data-label=\"\(label)\""), "what a phone calls the cell")
                }
                let behindTLS = try await api.form(
                    "/basket/lines", "sku=RUNNER-42-TAN&quantity=1", ["X-Forwarded-Proto": "https"])
                #expect(
                    behindTLS.header("Set-Cookie")[0].hasSuffix("; Secure")
                        && !added.header("Set-Cookie")[0].contains("Secure"))
                let removed = try await api.form(
                    "/basket/lines", "set=yes&sku=RUNNER-42-TAN&quantity=0", ["Cookie": "basket=RUNNER-42-TAN:2"])
                #expect(removed.header("Set-Cookie")[0].hasPrefix("basket=;"))
                #expect(try await api.form("/basket/lines", "sku=<script>").status == 400)
            }
        }

        @Test(
            "a form that is sent twice makes one order; what is wrong stands beside its field, and nothing is lost of the rest"
        )
        func checkout() async throws {
            try await API.with { api async throws in
                let wrong = try await api.form(
                    "/checkout", "key=k-1&name=%3Cb%3EAda&email=nowhere&line=RUNNER-42-TAN%3A1")
                #expect(wrong.status == 422 && wrong.text.contains("must be an e-mail address"))
                #expect(
                    wrong.text.contains("value=\"&lt;b&gt;Ada\"")
                        && wrong.text.contains("aria-describedby=\"wrong-email\""))
                let first = try await api.form("/checkout", "key=k-1&" + Self.fields)
                let again = try await api.form("/checkout", "key=k-1&" + Self.fields)
                #expect(first.status == 303 && first.header("Location") == again.header("Location"))
                #expect(first.header("Set-Cookie").count == 3 && again.header("Set-Cookie").count == 1)
                let orders = try await api.database.query("SELECT count(*) FROM orders.orders") {
                    try $0[0, as: Int.self]
                }
                #expect(orders == [1])
                let cookie = first.header("Set-Cookie")[1].split(separator: ";")[0]
                let mine = try await api.send(.GET, "/mine", nil, ["Cookie": String(cookie)])
                #expect(mine.text.contains(first.header("Location")[0]))
                #expect(try await api.get("/mine").text.contains("knows of no orders of yours"))
                let path = first.header("Location")[0]
                let page = try await api.send(.GET, path, nil, ["Accept": "text/html,application/xhtml+xml"])
                #expect(page.type?.hasPrefix("text/html") == true && page.text.contains("We have your order."))
                #expect(try await api.get(path).type == "application/json")
            }
        }

        @Test("a form sent twice, by a double click or for a lost answer, lets its browser in with either answer")
        func lostAnswer() async throws {
            try await API.with { api async throws in
                let page = try await api.send(.GET, "/basket", nil, ["Cookie": "basket=RUNNER-42-TAN:2"])
                let token = String(try #require(page.text.firstMatch(of: /name="token" value="(\w+)"/)?.output.1))
                let sent = "key=k-1&token=\(token)&" + Self.fields
                async let one = api.form("/checkout", sent)
                async let other = api.form("/checkout", sent)
                let answers = try await [one, other]
                for answer in answers {
                    #expect(answer.status == 303 && !answer.header("Location")[0].contains(token))
                    #expect(answer.header("Set-Cookie")[1].hasPrefix("customer=\(token); "))
                }
                let mine = try await api.send(.GET, "/mine", nil, ["Cookie": "customer=\(token)"])
                #expect(mine.text.contains(answers[0].header("Location")[0]))
                let stranger = try await api.form(
                    "/checkout", "key=k-1&token=\(CustomerToken.random().text)&" + Self.fields)
                #expect(stranger.status == 303 && stranger.header("Set-Cookie").count == 1)
                #expect(try await api.database.count("SELECT count(*) FROM orders.customers") == 1)
                let changed = try await api.form("/checkout", sent.replacing("Bonn", with: "Ulm"))
                #expect(changed.status == 422 && changed.text.contains("name=\"token\" value=\"\(token)\""))
            }
        }

        @Test("the key is shown once, on the page of the first order, and lets other browsers in until they forget it")
        func key() async throws {
            try await API.with { api async throws in
                let first = try await api.form("/checkout", "key=k-1&" + Self.fields)
                let cookies = first.header("Set-Cookie").dropFirst().map { String($0.split(separator: ";")[0]) }
                let (path, token) = (first.header("Location")[0], String(cookies[0].dropFirst("customer=".count)))
                func page(_ path: String, _ cookies: String...) async throws -> Answer {
                    let headers: HTTPHeaders = ["Accept": "text/html", "Cookie": cookies.joined(separator: "; ")]
                    return try await api.send(.GET, path, nil, headers)
                }
                let shown = try await page(path, cookies[0], cookies[1])
                #expect(shown.text.contains("<code>\(token)</code>") && !shown.text.contains("http-equiv"))
                #expect(shown.header("Set-Cookie").map { $0.hasPrefix("customer-unshown=; Max-Age=0; ") } == [true])
                let later = try await page(path, cookies[0])
                #expect(!later.text.contains(token) && later.text.contains("http-equiv"))
                let planted = try await page(path, "customer=\(CustomerToken.random().text)", cookies[1])
                #expect(!planted.text.contains("Your key"), "only whose order it is has its key")

                #expect(try await page("/mine", "a=b").text.contains("action=\"/mine/key\""))
                let wrong = try await api.form("/mine/key", "key=\(CustomerToken.random().text)")
                #expect(wrong.status == 422 && wrong.text.contains("is nobody's key"))
                #expect(wrong.header("Set-Cookie").isEmpty)
                let given = try await api.form("/mine/key", "key=+\(token)%0A", ["X-Forwarded-Proto": "https"])
                #expect(given.status == 303 && given.header("Location") == ["/mine"])
                let kept = given.header("Set-Cookie")[0]
                #expect(kept.hasPrefix("__Host-customer=\(token); "))
                #expect(kept.hasSuffix("; HttpOnly; SameSite=Lax; Secure"))
                let mine = try await page("/mine", cookies[0])
                #expect(mine.text.contains(path) && mine.text.contains("action=\"/mine/forget\""))
                let forgotten = try await api.form("/mine/forget", "")
                #expect(forgotten.header("Set-Cookie").map { $0.hasPrefix("customer=; Max-Age=0; ") } == [true])
                for path in ["/mine/key", "/mine/forget"] {
                    let headers: HTTPHeaders = [
                        "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "cross-site",
                    ]
                    let answer = try await api.send(.POST, path, "key=\(token)", headers)
                    #expect(answer.status == 403 && answer.header("Set-Cookie").isEmpty, "\(path)")
                }
            }
        }

        @Test("what goes wrong is a page for a browser, and the basket says why nothing was ordered")
        func problems() async throws {
            try await API.with { api async throws in
                let browser: HTTPHeaders = ["Accept": "text/html,application/xhtml+xml"]
                for (path, status) in [("/orders/none", 404), ("/nowhere", 404), ("/checkout", 405)] {
                    let page = try await api.send(.GET, path, nil, browser)
                    #expect(page.status == status && page.type?.hasPrefix("text/html") == true, "\(path)")
                    #expect(page.text.contains("role=\"alert\"") && page.text.contains("To the shoes"), "\(path)")
                    #expect(try await api.get(path).type == "application/problem+json", "\(path)")
                }
                let sized = try await api.form("/basket/lines", "sku=%3Cscript%3E", browser)
                #expect(sized.status == 400 && sized.text.contains("Choose a size."))
                let nameless = try await api.form("/checkout", Self.fields)
                #expect(nameless.status == 422 && nameless.text.contains("had lost its name"))
                #expect(nameless.text.contains("value=\"ada@example.com\""))
                #expect(try await api.form("/checkout", "key=k-1&" + Self.fields).status == 303)
                let other = try await api.form("/checkout", "key=k-1&" + Self.fields.replacing("Bonn", with: "Ulm"))
                #expect(other.status == 422 && other.text.contains("role=\"alert\"") && other.text.contains("Ulm"))
                #expect(other.text.contains("had been sent before") && !other.text.contains("value=\"k-1\""))
            }
        }

        @Test(
            "a form in which a field stands twice is refused, and nothing is ordered or put into the basket",
            arguments: ["name=Bea", "card=tok_declined", "line=RUNNER-42-TAN%3A1", "key=k-2"])
        func twice(field: String) async throws {
            try await API.with { api async throws in
                let answer = try await api.form("/checkout", "key=k-1&\(Self.fields)&\(field)")
                #expect(answer.status == 400 && answer.text.contains("twice"), "\(answer)")
                #expect(try await api.database.query("SELECT FROM orders.orders") { _ in true }.isEmpty)
                let line = try await api.form("/basket/lines", "sku=RUNNER-42-TAN&quantity=1&quantity=2")
                #expect(line.status == 400 && line.header("Set-Cookie").isEmpty)
            }
        }

        @Test("no answer is taken for what it isn't, and no page runs others' scripts or is framed, an invoice either")
        func headers() async throws {
            try await API.with { api async throws in
                let id = try await api.order().orderID()
                try await api.database.execute(
                    """
                    INSERT INTO orders.invoices (order_id, number, issued_at, html)
                    SELECT id, 'INV-1', now(), '<!doctype html><title>Invoice</title>' FROM orders.orders
                    """)
                let paths = [
                    "/", "/basket", "/mine", "/stock", "/products", "/shop.css", "/shop.js", "/pictures/RUNNER.tan.svg",
                    "/openapi.yaml", "/nowhere", "/checkout", "/customers/me/events", "/orders/none", "/orders/\(id)",
                    "/orders/\(id)/events", "/orders/\(id)/invoice",
                ]
                var pages: Set<String> = []
                for (path, accept) in paths.flatMap({ [($0, "text/html"), ($0, "application/json")] }) {
                    let answer = try await api.send(.GET, path, nil, ["Accept": accept])
                    #expect(answer.header("X-Content-Type-Options") == ["nosniff"], "\(path)")
                    guard answer.type?.hasPrefix("text/html") == true else { continue }
                    pages.insert(path)
                    let policy = answer.header("Content-Security-Policy").first ?? ""
                    let parts = ["default-src 'none'", "frame-ancestors 'none'"]
                    #expect(parts.allSatisfy { policy.contains($0) }, "\(path): \(policy)")
                    #expect(!policy.contains("script-src 'unsafe"), "\(path): \(policy)")
                }
                #expect(pages.isSuperset(of: ["/", "/basket", "/mine", "/nowhere", "/orders/\(id)"]))
                let invoice = try await api.get("/orders/\(id)/invoice")
                #expect(pages.contains("/orders/\(id)/invoice"))
                #expect(invoice.header("Content-Security-Policy").first?.contains("sandbox") == true)
            }
        }

        @Test("an order's page is followed from its last event until money was sent back, and no cache keeps either")
        func journey() async throws {
            try await API.with { api async throws in
                let first = try await api.form("/checkout", "key=k-1&" + Self.fields)
                let path = first.header("Location")[0]
                let cookie = String(first.header("Set-Cookie")[1].split(separator: ";")[0])
                func page(_ path: String) async throws -> Answer {
                    try await api.send(.GET, path, nil, ["Accept": "text/html", "Cookie": cookie])
                }
                let id = try #require(OrderID(String(path.split(separator: "/")[1])))
                func happens(_ milestone: Milestone) async throws {
                    try await api.database.write { session in
                        OrderRecords.record([(id, TimelineEntry(milestone, at: Date()))], in: session)
                    }
                }
                #expect(try await page(path).text.contains("data-follow=\"\(path)/events\" data-place=\"1\""))
                try await happens(.paid)
                try await api.database.execute("UPDATE orders.orders SET status = 'cancelled'")
                let waiting = try await page(path)
                #expect(waiting.text.contains("data-place=\"2\" data-over=\"no\"") && !waiting.text.contains("/cancel"))
                try await happens(.refunded)
                #expect(try await page(path).text.contains("data-place=\"3\" data-over=\"yes\""))
                let mine = try await page("/mine")
                #expect(mine.text.contains("data-follow=\"/customers/me/events\" data-place=\"3\""))
                for accept in ["text/html", "application/json"] {
                    let answer = try await api.send(.GET, path, nil, ["Accept": accept])
                    #expect(answer.header("Cache-Control") == ["no-store"] && answer.header("Vary") == ["Accept"])
                }
                for path in ["\(path)/events", "\(path)/events?after=0", "/customers/me/events"] {
                    let events = try await api.send(.GET, path, nil, ["Cookie": cookie])
                    #expect(events.status == 200 && events.text.contains("paid"), "\(path)")
                    #expect(events.header("Cache-Control") == ["no-store"], "\(path)")
                }
            }
        }

        @Test("without JavaScript the pages of orders look again after half a minute, or when somebody follows a link")
        func looksAgain() async throws {
            try await API.with { api async throws in
                let first = try await api.form("/checkout", "key=k-1&" + Self.fields)
                let cookie = String(first.header("Set-Cookie")[1].split(separator: ";")[0])
                let refresh = "<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>"
                for path in [first.header("Location")[0], "/mine"] {
                    let page = try await api.send(.GET, path, nil, ["Accept": "text/html", "Cookie": cookie]).text
                    #expect(page.contains(refresh), "\(path)")
                    #expect(page.contains("<noscript><p><a href=\"\">Look again</a></p></noscript>"), "\(path)")
                }
                #expect(try await !api.get("/").text.contains("<noscript>"), "the shelf has nothing to wait for")
            }
        }

        @Test("an order takes out of the basket what was ordered, and leaves what another tab has put in since")
        func otherTab() async throws {
            try await API.with { api async throws in
                for (key, basket, rest) in [
                    ("k-1", "RUNNER-42-TAN:2", "basket=; Max-Age=0;"),
                    ("k-2", "RUNNER-42-TAN:2~RUNNER-43-TAN:1", "basket=RUNNER-43-TAN:1; Max-Age=2592000;"),
                    ("k-3", "RUNNER-42-TAN:5", "basket=RUNNER-42-TAN:3; Max-Age=2592000;"),
                    ("k-4", "RUNNER-42-TAN:1", "basket=; Max-Age=0;"),
                ] {
                    let sent = "key=\(key)&" + Self.fields
                    for _ in 0..<2 {
                        let answer = try await api.form("/checkout", sent, ["Cookie": "basket=\(basket)"])
                        #expect(answer.status == 303 && answer.header("Set-Cookie")[0].hasPrefix(rest), "\(basket)")
                    }
                }
            }
        }

        @Test("an order that was called off says so until that is decided, and afterwards what was decided")
        func calledOff() async throws {
            try await API.with { api async throws in
                let path = try await api.form("/checkout", "key=k-1&" + Self.fields).header("Location")[0]
                func page() async throws -> String {
                    try await api.send(.GET, path, nil, ["Accept": "text/html"]).text
                }
                try await api.database.execute("UPDATE orders.orders SET status = 'paid'")
                let paid = try await page()
                #expect(paid.contains("Paid. We are booking the carrier.") && paid.contains("Call it off"))
                #expect(try await api.form(path + "/cancel", "", ["Accept": "text/html"]).status == 303)
                let asked = try await page()
                #expect(asked.contains("You called it off.") && !asked.contains("We are booking the carrier."))
                #expect(!asked.contains("Call it off"))
                try await api.database.execute("UPDATE orders.orders SET status = 'dispatched'")
                #expect(try await page().contains("with the carrier. It was too late to call them off."))
                try await api.database.execute("UPDATE orders.orders SET status = 'cancelled'")
                #expect(try await page().contains(">Called off.<"))
            }
        }

        @Test("forms of another site change nothing, nor does what is too large or no form")
        func attacks() async throws {
            try await API.with { api async throws in
                for headers in [
                    ["Sec-Fetch-Site": "cross-site"], ["Origin": "http://evil.example"], ["Origin": "null"],
                ] as [HTTPHeaders] {
                    let type = [("Content-Type", "application/x-www-form-urlencoded")]
                    let answer = try await api.send(
                        .POST, "/checkout", "key=k-2&" + Self.fields, HTTPHeaders(type + Array(headers)))
                    #expect(answer.status == 403, "\(headers)")
                }
                #expect(try await api.form("/checkout", "key=k&" + String(repeating: "x", count: 70_000)).status == 413)
                #expect(
                    try await api.send(.POST, "/checkout", "{}", ["Content-Type": "application/json"]).status == 415)
                let fixed = try await api.form(
                    "/checkout", "key=k-3&" + Self.fields, ["Cookie": "customer=fixed-by-somebody"])
                #expect(
                    fixed.status == 303 && fixed.header("Set-Cookie")[1].count > 60,
                    "a token that was planted is not taken")
                let own = String(fixed.header("Set-Cookie")[1].split(separator: ";")[0])
                let secure = try await api.form(
                    "/checkout", "key=k-4&" + Self.fields, ["Cookie": own, "X-Forwarded-Proto": "https"])
                let cookie = try #require(secure.header("Set-Cookie").dropFirst().first)
                #expect(
                    cookie.hasPrefix("__Host-customer=") && cookie.hasSuffix("; Secure") && !cookie.contains(own),
                    "by TLS even somebody's good token is taken only where this host has set it")
                let orders = try await api.database.query("SELECT count(*) FROM orders.orders") {
                    try $0[0, as: Int.self]
                }
                #expect(orders == [2])
            }
        }
    }
}

extension API {
    fileprivate func form(_ path: String, _ fields: String, _ headers: HTTPHeaders = [:]) async throws -> Answer {
        let own = [("Content-Type", "application/x-www-form-urlencoded"), ("Sec-Fetch-Site", "same-origin")]
        return try await send(.POST, path, fields, HTTPHeaders(own + Array(headers)))
    }
}
