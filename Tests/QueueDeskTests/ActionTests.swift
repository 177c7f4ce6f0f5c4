import Foundation
import MessageQueue
import NIOHTTP1
import Postgres
import TestSupport
import Testing

extension DeskTests {
    @Test("a queue is purged once its name is said again, and no sooner; who did it is recorded")
    func purgeQueue() async throws {
        try await Desk.with { desk async throws in
            try await desk.broker.send((0..<7).map { Outgoing("\($0)") }, to: Queue<String>("payment"))
            try await desk.kill(1)
            #expect(try await desk.page("/queues/payment/purge").contains("About 7 messages will be deleted"))
            for form in ["", "sure=yes", "sure=yes&again=stock", "again=payment"] {
                let answer = try await desk.post("/queues/payment/purge", form)
                #expect(answer.status == 200 && answer.text.contains("Nothing was done yet."), "\(form)")
            }
            #expect(try await desk.broker.statistics(of: "payment").depth == 7)
            #expect(try await desk.post("/queues/payment/purge", "sure=yes&again=payment").status == 303)
            try await eventually("it is empty") {
                try await desk.broker.statistics(of: "payment").depth == 0 ? () : nil
            }
            let action = try await eventually("it is recorded as done") {
                try await desk.broker.operatorActions().first { $0.standing == .ended }
            }
            #expect(action.verb == .purgeQueue && action.messages == 7 && action.by?.via == "desk")
            #expect(try await desk.broker.statistics(of: "payment").dead == 1)
        }
    }

    @Test("what waits for another attempt is delivered now, or cancelled once confirmed, from its queue's page")
    func scheduled() async throws {
        try await Desk.with { desk async throws in
            try await desk.fail(3)
            #expect(try await desk.page("/queues/payment").contains("href=\"/queues/payment/scheduled\""))
            let page = try await desk.page("/queues/payment/scheduled")
            #expect(page.contains("0 never tried, 3 to be tried again.") && page.contains(">order-2<"))
            let receipts = page.matches(of: /value="(s\.[0-9a-f.]+)"/).map { "receipt=\($0.output.1)" }
            try #require(receipts.count == 3)
            let path = "/queues/payment/scheduled"
            #expect(try await desk.page("\(path)/hasten?\(receipts[0])").contains("1 message will be due at once."))
            let hastened = try await desk.post("\(path)/hasten", receipts[0])
            #expect(hastened.status == 303 && hastened.headers["Location"] == [path])
            #expect(try await desk.broker.receive("payment", lease: .seconds(60)).map(\.attempt) == [2])
            #expect(try await desk.post("\(path)/hasten", receipts[0]).status == 409)
            let both = receipts[1...].joined(separator: "&")
            #expect(try await desk.page("\(path)/cancel?\(both)").contains("2 messages will not be delivered any more"))
            let unsure = try await desk.post("\(path)/cancel", both)
            #expect(unsure.status == 200 && unsure.text.contains("Nothing was done yet."))
            #expect(try await desk.post("\(path)/cancel", both + "&sure=yes").status == 303)
            #expect(try await desk.page(path).contains("Nothing waits until it is due."))
            for form in ["", "receipt=x", "receipt=1.2.3.4"] {
                #expect(try await desk.post("\(path)/hasten", form).status == 400, "\(form)")
            }
            #expect(try await desk.send(.GET, "/queues/nowhere/scheduled").status == 404)
            #expect(try await desk.send(.GET, "\(path)?from=nowhere").status == 400)
            let told = try await desk.broker.operatorActions()
            #expect(told.map(\.verb) == [.cancelScheduled, .hasten] && told.map(\.messages) == [2, 1])
            #expect(told.allSatisfy { $0.by?.via == "desk" })
        }
    }

    @Test("all that wait for another attempt are delivered now from their queue's page")
    func hastenAll() async throws {
        try await Desk.with { desk async throws in
            try await desk.fail(3)
            #expect(try await desk.page("/queues/payment/scheduled").contains("href=\"/queues/payment/hasten\""))
            #expect(try await desk.page("/queues/payment/hasten").contains("About 3 messages will be due at once."))
            let begun = try await desk.post("/queues/payment/hasten", "")
            let path = try #require(begun.headers["Location"].first)
            #expect(begun.status == 303 && path.hasPrefix("/actions/"))
            try await eventually("they are due") {
                try await desk.broker.scheduled(in: "payment").entries.allSatisfy { $0.dueAt < Date() } ? () : nil
            }
            #expect(try await desk.page(path).contains("all that wait for another attempt"))
            #expect(try await desk.post("/queues/nowhere/hasten", "").status == 404)
        }
    }

    @Test("what waits behind a blocked key is told from its queue's page")
    func held() async throws {
        try await Desk.with(before: { database in
            try await Broker(database).declare(queue: "accounts", QueueSettings(order: .blockOnFailure))
        }) { desk async throws in
            let messages = (0..<3).map { Outgoing("\($0)", key: "a&b") }
            try await desk.broker.send(messages, to: Queue<String>("accounts"))
            let received = try await desk.broker.receive("accounts", lease: .seconds(60))
            try await desk.broker.deadLetter(received.map { .init($0, reason: "tired", error: nil) })
            // Those behind it are held back by whoever comes next.
            _ = try await desk.broker.receive("accounts", limit: 10, lease: .seconds(60))
            let path = "/queues/accounts/held?key=a%26b"
            #expect(try await desk.page("/queues/accounts").contains("href=\"\(path)\""))
            let page = try await desk.page(path)
            let places = messages.map { page.range(of: "/messages/\($0.id)")?.lowerBound }
            #expect(places.allSatisfy { $0 != nil } && places.compactMap(\.self).sorted() == places.compactMap(\.self))
            #expect(try await desk.page("/queues/accounts/held?key=x").contains("Nothing waits behind this key"))
            #expect(try await desk.send(.GET, "/queues/accounts/held").status == 400)
        }
    }

    @Test("a redrive is paused, resumed and stopped from its page, which tells what became of each message")
    func steer() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(4)
            let counted = try await desk.counted()
            let begun = try await desk.post("/dead/redrive", "queue=payment&\(counted)&sure=yes&rate=0.5")
            let path = try #require(begun.headers["Location"].first)
            #expect(path.hasPrefix("/actions/"))
            #expect(try await desk.post("\(path)/pause", "").status == 303)
            try await eventually("it is shown as paused") {
                try await desk.page(path).contains("Resume") ? () : nil
            }
            #expect(try await desk.page(path).contains("value=\"0.5\""), "the rate can be changed")
            #expect(try await desk.post("\(path)/limit", "rate=-1").status == 400)
            #expect(try await desk.post("\(path)/limit", "rate=0.4").status == 303)
            #expect(try await desk.page(path).contains("value=\"0.4\""))
            #expect(try await desk.post("\(path)/resume", "").status == 303)
            #expect(try await desk.post("\(path)/stop", "").status == 303)
            let page = try await eventually("it is shown as ended") {
                let page = try await desk.page(path)
                return page.contains(">ended<") ? page : nil
            }
            #expect(page.contains("What became of each message") && page.contains(">waiting<"))
            #expect(try await desk.broker.statistics(of: "payment").dead > 0)
            #expect(try await desk.post("\(path)/pause", "").status == 409)
            #expect(try await desk.send(.GET, "/actions/999999").status == 404)
        }
    }

    @Test("a message is sent by hand from one that was sent before, as a new one that names its parent")
    func send() async throws {
        try await Desk.with { desk async throws in
            let body = #"{"orderID":"01a22919-29d7-72b0-8cc7-0e358532fe61"}"#
            let parent = MessageID()
            try await desk.broker.send(
                Draft(body: Array(body.utf8), id: parent, key: "order-1", headers: ["x": "y"]), to: "refunds")
            let form = try await desk.page("/send?queue=refunds&from=\(parent)")
            #expect(
                form.contains("order-1") && form.contains("x: y") && form.contains("which stays what and where it is"))
            let sent = try await desk.post(
                "/send",
                "to=queue%20cancellations&key=order-1&headers=x%3A+z&parent=\(parent)&body=\(body.queryEscapedForTests)"
            )
            let path = try #require(sent.headers["Location"].first)
            let page = try await desk.page(path)
            #expect(page.contains("Made from") && page.contains("\(parent)") && page.contains("Header x"))
            #expect(try await desk.broker.operatorActions().first?.detail["parent"] == "\(parent)")
            #expect(try await desk.page("/timeline?key=order-1").contains("refunds"))
        }
    }

    @Test("from the navigation, whoever sends by hand is led to a queue's latest messages, to begin with one of them")
    func templates() async throws {
        try await Desk.with { desk async throws in
            try await desk.broker.send("x", to: Queue<String>("payment"), key: "order-7")
            let page = try await desk.page("/send")
            #expect(!page.contains("order-7") && page.contains("Show its latest messages"))
            let form = try #require(page.firstMatch(of: /<form method="get" action="([^"]*)".*?<select name="(\w+)">/))
            #expect(page.contains("<option value=\"payment\">payment</option>"))
            let shown = try await desk.page("\(form.output.1)?\(form.output.2)=payment")
            #expect(shown.contains("order-7") && shown.contains("Begin with this one"))
            #expect(shown.contains("<option value=\"queue payment\" selected>"), "that is where it will go")
        }
    }

    @Test("a form that is sent twice sends one message; with something else in it, it says that nothing was sent")
    func sendTwice() async throws {
        try await Desk.with { desk async throws in
            let order = #""orderID":"01a22919-29d7-72b0-8cc7-0e358532fe61""#
            let rejected = #""event":"order-rejected","reason":"declined","detail":"","at":1767225600000"#
            let body = "{\(order),\(rejected)}".queryEscapedForTests
            for to in ["queue%20cancellations", "topic%20order-rejected"] {
                let form = "form=f-1&to=\(to)&body=\(body)&key="
                let first = try await desk.post("/send", form + "k")
                let second = try await desk.post("/send", form + "k")
                #expect(first.status == 303 && first.headers["Location"] == second.headers["Location"], "\(to)")
                let path = try #require(first.headers["Location"].first)
                #expect(try await desk.page(path).contains("Every attempt"))
                let other = try await desk.post("/send", form + "another")
                #expect(other.status == 422 && other.text.contains("had been sent before"), "\(to)")
                #expect(!other.text.contains("value=\"f-1\""))
            }
            #expect(try await desk.broker.operatorActions().map(\.verb) == [.send, .send])
        }
    }

    @Test("a copy begins with the body as it was sent, byte by byte, and one that is no text is refused")
    func verbatim() async throws {
        try await Desk.with { desk async throws in
            let body = #"{"b":1.50, "a":12345678901234567890.5}"#
            let (text, bytes) = (MessageID(), Outgoing(RawBody([0xFF, 0xFE] as [UInt8])))
            try await desk.broker.send(Draft(body: Array(body.utf8), id: text), to: "refunds")
            try await desk.broker.send([bytes], to: Queue<RawBody>("refunds"))
            let form = try await desk.page("/send?queue=refunds&from=\(text)")
            #expect(form.contains(body.replacing("\"", with: "&quot;")))
            #expect(try await desk.send(.GET, "/send?queue=refunds&from=\(bytes.id)").status == 400)
        }
    }

    @Test("a copy keeps key, tag, headers and priority as they are, blanks and all, until somebody changes them")
    func keptBlanks() async throws {
        try await Desk.with(before: { database in
            try await Broker(database).declare(queue: "letters", QueueSettings(priorities: .sixteen))
        }) { desk async throws in
            let letter = Outgoing("x", key: "A 1 ", tag: " t", headers: ["h": "  y ", "e": ""], priority: .low)
            try await desk.broker.send([letter], to: Queue<String>("letters"))
            let form = try await desk.page("/send?queue=letters&from=\(letter.id)")
            #expect(form.contains("value=\"A 1 \"") && form.contains("value=\" t\""))
            #expect(form.contains("e: \nh:   y </textarea>"))
            #expect(form.contains("name=\"priority\" type=\"number\" value=\"16\""))
            let fields = "to=queue%20letters&key=A+1+&tag=+t&headers=e%3A+%0D%0Ah%3A+++y+&body=1"
            let sent = try await desk.post("/send", fields + "&priority=2")
            let path = try #require(sent.headers["Location"].first)
            let id = try #require(MessageID(String(path.split(separator: "/").last ?? "")))
            let copy = try #require(try await desk.broker.inspect(id))
            #expect(copy.message.key == "A 1 " && copy.message.tag == " t" && copy.priority.number == 2)
            #expect(copy.message.headers["h"] == "  y " && copy.message.headers["e"]?.isEmpty == true)
            for priority in ["0", "17", "1.5", "x"] {
                let answer = try await desk.post("/send", fields + "&priority=\(priority)")
                #expect(answer.status == 422 && answer.text.contains("This is no priority"), "\(priority)")
            }
            let broken = Outgoing("x", key: "a\nb")
            try await desk.broker.send([broken], to: Queue<String>("letters"))
            #expect(try await desk.send(.GET, "/send?queue=letters&from=\(broken.id)").status == 400)
        }
    }

    @Test("a key that ends with a blank is found, followed, tried again and skipped like any other")
    func keyWithBlank() async throws {
        try await Desk.with(before: { database in
            try await Broker(database).declare(queue: "accounts", QueueSettings(order: .blockOnFailure))
        }) { desk async throws in
            let broker = desk.broker
            let messages = ["x", "y"].map { Outgoing($0, key: "A 1 ") }
            try await broker.send(messages, to: Queue<String>("accounts"))
            func giveUp() async throws {
                let received = try await broker.receive("accounts", lease: .seconds(60))
                try await broker.deadLetter(received.map { .init($0, reason: "tired", error: nil) })
            }
            try await giveUp()
            _ = try await broker.receive("accounts", limit: 10, lease: .seconds(60))
            for path in ["/timeline?key=A%201%20", "/messages?q=A%201%20", "/messages?q=+A%201%20"] {
                let status = try await desk.send(.GET, path).status
                #expect(status == 200, "\(path)")
            }
            #expect(try await desk.page("/messages?q=A%201%20").contains("As a timeline"))
            #expect(try await desk.page("/queues/accounts/held?key=A%201%20").contains("/messages/\(messages[1].id)"))
            #expect(try await desk.post("/queues/accounts/retry-key", "key=A%201%20").status == 303)
            try await giveUp()
            #expect(try await desk.post("/queues/accounts/skip-key", "key=A%201%20").status == 303)
            #expect(try await broker.deadLetterMatch(.init(key: "A 1 ")).count == 1)
            #expect(try await desk.page("/dead?key=A%201%20").contains("tired"))
            #expect(try await !desk.page("/dead?key=A%201").contains("/timeline?key="))
            // What was pasted with blanks is found without them.
            try await broker.send("z", to: Queue<String>("payment"), key: "B2")
            #expect(try await desk.page("/messages?q=+B2+").contains(">B2</a>"))
        }
    }

    @Test("a message of plain text is copied, changed and sent as that, without quotes, and by hand as well")
    func plainText() async throws {
        try await Desk.with(before: { database in try await Broker(database).declare(queue: "letters") }) {
            desk async throws in
            let letter = Outgoing(RawBody("no JSON, <at> all"))
            try await desk.broker.send([letter], to: Queue<RawBody>("letters"))
            let form = try await desk.page("/send?queue=letters&from=\(letter.id)")
            #expect(form.contains("no JSON, &lt;at&gt; all") && form.contains("value=\"plain text\" selected"))
            #expect(try await desk.page("/send?queue=letters").contains("value=\"JSON\" selected"))
            let changed = "to=queue%20letters&parent=\(letter.id)&body=something%20else"
            #expect(try await desk.post("/send", changed).text.contains("This is no JSON"))
            for text in ["something%20else", "%22hello%22", ""] {
                let sent = try await desk.post(
                    "/send", "to=queue%20letters&format=plain%20text&parent=\(letter.id)&body=\(text)")
                #expect(sent.status == 303, "\(text): \(sent.text)")
            }
            var bodies: Set<String> = []
            while bodies.count < 4 {
                let received = try await desk.broker.receive("letters", limit: 4, lease: .seconds(60))
                bodies.formUnion(received.map { String(decoding: $0.message.body, as: UTF8.self) })
            }
            #expect(bodies == ["no JSON, <at> all", "something else", "\"hello\"", ""])
        }
    }

    @Test("what the steps of a queue could not read is refused beside its field, and nothing is sent")
    func sendRefused() async throws {
        try await Desk.with { desk async throws in
            let refused = [
                ("to=queue%20refunds&body=%7B", "This is no JSON"), ("body=%7B%7D", "Say where it is to go."),
                ("to=queue%20refunds&body=%7B%22id%22%3A1%2C%22id%22%3A2%7D", "This is no JSON"),
                ("to=topic%20order-processed&body=%5B1%2C%5D", "This is no JSON"),
                ("to=queue%20cancellations&body=%7B%7D", "orderID is missing"),
                ("to=queue%20nowhere&body=%7B%7D", "there is no queue nowhere"),
                ("to=queue%20refunds&body=%7B%7D&delay=soon", "This is no number of seconds."),
                ("to=queue%20refunds&body=%7B%7D&headers=nonsense", "Each line is name: value."),
                ("to=topic%20order-processed&body=%7B%7D&delay=5", "What is published to a topic goes at once."),
                ("to=topic%20order-processed&body=%7B%7D", "logistics can&#39;t read it: order is missing"),
                ("to=topic%20order-processed&body=%7B%7D", "order-status can&#39;t read it: event is missing"),
                ("to=topic%20order-rejected&tag=declined&body=%7B%7D", "stock-release can&#39;t read it"),
                ("to=topic%20nowhere&body=%7B%7D", "there is no topic nowhere"),
            ]
            for (form, text) in refused {
                let answer = try await desk.post("/send", form)
                #expect(answer.status == 422 && answer.text.contains(text), "\(form): \(answer.status)")
            }
            #expect(try await desk.broker.statistics().allSatisfy { $0.appended == 0 })
            #expect(try await desk.broker.operatorActions().isEmpty)
        }
    }

    @Test("a message's page tells what it came from and what it caused, each once, also what was sent with a delay")
    func relations() async throws {
        try await Desk.with { desk async throws in
            let (first, second) = (Queue<String>("orders"), Queue<String>("stock"))
            try await desk.broker.send("first", to: first, key: "order-1")
            let received = try await desk.broker.receive("orders", lease: .seconds(60))
            let effect = Outgoing("second", key: "order-1")
            let later = Outgoing("later", key: "order-1", delay: .seconds(3600))
            try await desk.database.write { [broker = desk.broker] session in
                try broker.send([effect, later], to: second, in: session)
                broker.complete(received, in: session)
            }
            let cause = try #require(received.first).message.id
            let taken = try await desk.broker.receive("stock", lease: .seconds(60))
            try await desk.broker.retry(taken.map { .init($0, after: .seconds(3600), error: "the shelf is away") })
            let causing = try await desk.page("/messages/\(cause)")
            let caused = try #require(causing.split(separator: "What it caused</caption>").dropFirst().first)
            for id in [effect.id, later.id] {
                #expect(caused.split(separator: "/messages/\(id)\"").count == 2, "\(id)")
                let page = try await desk.page("/messages/\(id)")
                #expect(page.contains("What it came from") && page.contains("/messages/\(cause)\""), "\(id)")
                #expect(!page.contains("What it caused"), "\(id)")
            }
        }
    }

    @Test("a queue's page shows its outcomes over time, its errors, and in whose hands its messages are")
    func queueDetails() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(2, error: "the carrier is <away>")
            try await desk.broker.send("x", to: Queue<String>("payment"))
            _ = try await desk.broker.receive("payment", lease: .seconds(60))
            try await eventually("the desk has read it") {
                try await desk.page("/queues/payment").contains("a program that receives by hand") ? () : nil
            }
            let page = try await desk.page("/queues/payment")
            #expect(page.contains("Their errors") && page.contains("the carrier is &lt;away&gt;"))
        }
    }

    @Test("lines of the last quarter of an hour begin before the desk did, and topics tell their rates")
    func recall() async throws {
        try await Desk.with(before: { database in
            let broker = Broker(database)
            try await broker.publish((0..<80).map { Outgoing("\($0)") }, to: Topic<String>("order-rejected"))
            try await broker.complete(try await broker.receive("order-status", limit: 80, lease: .seconds(60)))
            let times = [("messages_1", "appended_at"), ("claims_1", "claimed_at"), ("segments", "opened_at")]
            for (table, time) in times {
                try await database.script("UPDATE mq.\(table) SET \(time) = now() - interval '5 minutes'")
            }
            try await broker.publish((0..<60).map { Outgoing("\($0)") }, to: Topic<String>("order-cancelled"))
        }) { desk async throws in
            let page = try await eventually("the log has been asked") {
                let page = try await desk.page("/")
                return page.contains(/points="[^"]+" data-live-points="order-status spark"/) ? page : nil
            }
            // A minute of deliveries stands out of a line at the bottom.
            let line = try #require(page.firstMatch(of: /points="([^"]+)" data-live-points="order-status spark"/))
                .output.1
            #expect(line.contains(",1.0") && line.contains(",19.0"), "\(line)")
            #expect(page.contains(/data-live="topic order-cancelled a second"[^>]*>1.0</))
            #expect(page.contains(/data-live="topic order-rejected a second"[^>]*>0.0</))
        }
    }
}

extension String {
    var queryEscapedForTests: String {
        addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? self
    }
}
