import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension DeskTests {
    @Test("the pipeline shows each queue and who hears which topic, and names what needs a person")
    func pipeline() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(2)
            // What the desk shows is read once a second for everybody.
            try await eventually("the dead letters are shown") {
                try await desk.page("/").contains("payment has 2 dead letters")
            }
            let page = try await desk.page("/")
            for queue in try await desk.broker.statistics() { #expect(page.contains(">\(queue.queue)</a>")) }
            #expect(page.contains("logistics hears order-processed"))
            #expect(page.contains("Nobody receives messages."))
        }
    }

    @Test("what an attacker put into a message or an order is text on every page that shows it")
    func escaping() async throws {
        try await Desk.with { desk async throws in
            let attack = "\"><script>alert(1)</script><img src=x onerror=alert(2)>"
            let message = Outgoing(attack, key: attack, tag: attack, headers: ["x": attack])
            let (queue, sentBack) = (Queue<String>("payment"), Outgoing(attack, tag: attack))
            for one in [message, sentBack] {
                try await desk.broker.send([one], to: queue)
                let received = try await desk.broker.receive(queue.name, limit: 1, lease: .seconds(60))
                try await desk.broker.deadLetter(received.map { .init($0, reason: attack, error: attack) })
            }
            try await desk.broker.send(
                [Outgoing(attack, key: attack, tag: attack, delay: .seconds(3600))], to: queue)
            _ = try await desk.broker.redrive(DeadLetterFilter(reason: attack, message: sentBack.id))
            let action = try #require(try await desk.broker.operatorActions().first).number
            let order = try await desk.place(Customer(name: attack, email: "eve@example.com"))
            let paths = [
                "/", "/queues/payment", "/messages?queue=payment", "/messages?q=%22%3E%3Cscript%3E",
                "/messages/\(message.id)",
                "/queues/payment/scheduled", "/queues/payment/held?key=%22%3E%3Cscript%3E",
                "/dead", "/dead?reason=%22%3E%3Cscript%3Ealert", "/dead/redrive?error=%3Cscript%3E",
                "/audit?queue=%3Cscript%3E", "/audit", "/actions/\(action)", "/orders", "/orders/\(order)",
                "/timeline?key=\(attack.queryEscapedForTests)", "/send?queue=payment&from=\(message.id)",
            ]
            for path in paths {
                let page = try await desk.page(path)
                #expect(!page.contains("<script>") && !page.contains("<img"), "\(path)")
            }
            for path in paths.suffix(5) + ["/messages/\(message.id)"] {
                #expect(try await desk.page(path).contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "\(path)")
            }
        }
    }

    @Test("messages are found by key, by queue and outcome, and by the text of their error, page by page")
    func search() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(1, error: "carrier 17 is away")
            try await desk.broker.send(
                (0..<120).map { Outgoing("x", key: "other-\($0)") }, to: Queue<String>("payment"))
            #expect(try await desk.page("/messages?q=order-0").contains("dead letter"))
            #expect(try await desk.page("/messages?queue=payment&error=CARRIER").contains("order-0"))
            let first = try await desk.page("/messages?queue=payment&outcome=waiting")
            #expect(first.contains("other-119") && !first.contains("order-0"))
            let link = try #require(first.firstMatch(of: /href="([^"]*from=[^"]*)"/)?.output.1)
            let second = try await desk.page(String(link).replacing("&amp;", with: "&"))
            #expect(second.contains("Attempts, the newest first") && !second.contains("other-119"))
            #expect(try await desk.send(.GET, "/messages?queue=nowhere").status == 404)
            #expect(try await desk.send(.GET, "/messages?queue=payment&since=yesterday").status == 400)
        }
    }

    @Test("dead letters are redriven once the count is confirmed, and who did it is recorded")
    func redrive() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(3)
            #expect(try await desk.page("/dead").contains("tired"))
            #expect(try await !desk.page("/dead").contains("all that match"))
            let found = try await desk.page("/dead?error=card%20is&key=")
            #expect(found.contains("href=\"/dead/redrive?error=card%20is\"") && found.contains("Purge all that match"))
            let preview = try await desk.page("/dead/redrive?queue=payment&reason=tired")
            #expect(preview.contains("3 dead letters will be sent back"))
            let last = try #require(try await desk.broker.deadLetterMatch().lastTicket)
            let counted = "expected=3&through=\(last)"
            #expect(preview.contains("name=\"through\" value=\"\(last)\""))
            let unsure = try await desk.post("/dead/redrive", "queue=payment&reason=tired&\(counted)")
            #expect(unsure.text.contains("Say that you are sure."))
            for outdated in ["expected=2&through=\(last)", "expected=3", "expected=3&through=\(last - 1)"] {
                let answer = try await desk.post("/dead/redrive", "queue=payment&reason=tired&\(outdated)&sure=yes")
                #expect(answer.text.contains("other letters are meant"), "\(outdated)")
            }
            #expect(try await desk.broker.deadLetterCount() == 3)
            let done = try await desk.post("/dead/redrive", "queue=payment&reason=tired&\(counted)&sure=yes")
            #expect(done.status == 303 && done.headers["Location"].first?.hasPrefix("/actions/") == true)
            try await eventually("all are sent back") { try await desk.broker.deadLetterCount() == 0 ? () : nil }
            let action = try await eventually("it is recorded as done") {
                try await desk.broker.operatorActions().first { $0.endedAt != nil }
            }
            #expect(action.verb == .redrive && action.by?.via == "desk" && action.messages == 3)
            #expect(try await desk.page("/audit").contains("redrive"))
        }
    }

    @Test("chosen dead letters alone are purged")
    func purge() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(3)
            let chosen = try await desk.broker.deadLetters()[1]
            #expect(
                try await desk.page("/dead/purge?ticket=\(chosen.ticket)").contains("1 dead letter will be deleted"))
            let form = "ticket=\(chosen.ticket)&expected=1&through=\(chosen.ticket)&sure=yes"
            _ = try await desk.post("/dead/purge", form)
            try await eventually("it is gone") { try await desk.broker.deadLetterCount() == 2 ? () : nil }
            #expect(try await !desk.broker.deadLetters().map(\.ticket).contains(chosen.ticket))
        }
    }

    @Test("a purge that was confirmed deletes none of as many dead letters that died after they were counted")
    func diedSince() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(1)
            let preview = try await desk.page("/dead/purge?queue=payment")
            let last = try #require(preview.firstMatch(of: /name="through" value="([0-9]+)"/)?.output.1)
            // A colleague sends it back, and another one dies.
            #expect(try await desk.broker.redrive().moved == 1)
            try await desk.broker.complete(try await desk.broker.receive("payment", lease: .seconds(60)))
            try await desk.kill(1)
            let form = "queue=payment&expected=1&through=\(last)&sure=yes"
            for action in ["purge", "redrive"] {
                let answer = try await desk.post("/dead/\(action)", form)
                #expect(answer.status == 200 && answer.text.contains("other letters are meant"), "\(action)")
            }
            #expect(try await desk.broker.deadLetterCount() == 1)
            let rest = try await desk.page("/dead/purge?queue=payment&through=\(last)")
            #expect(rest.contains("0 dead letters will be deleted") && !rest.contains("name=\"sure\""))
        }
    }

    @Test("where nothing is ticked, or a filter got lost, no dead letter is meant; all are only where that is said")
    func nothingChosen() async throws {
        try await Desk.with { desk async throws in
            try await desk.kill(2)
            #expect(try await desk.page("/dead").contains("<input type=\"hidden\" name=\"chosen\" value=\"yes\">"))
            for query in ["chosen=yes", "chosen=yes&queue=payment", "chosen=yes&all=yes", "", "queue=+", "all=no"] {
                for action in ["redrive", "purge"] {
                    let preview = try await desk.send(.GET, "/dead/\(action)?\(query)")
                    #expect(preview.status == 400 && !preview.text.contains("name=\"sure\""), "\(query)")
                    #expect(preview.text.contains("Back to the dead letters"), "\(query)")
                    let answer = try await desk.post("/dead/\(action)", "\(query)&expected=2&sure=yes")
                    #expect(answer.status == 400, "\(query)")
                }
            }
            #expect(try await desk.send(.GET, "/dead/purge?chosen=yes").text.contains("No dead letter was chosen"))
            #expect(try await desk.broker.operatorActions().isEmpty)
            let all = try await desk.page("/dead/redrive?all=yes")
            #expect(all.contains("every dead letter") && all.contains("name=\"all\" value=\"yes\""))
            let counted = try await desk.counted()
            #expect(try await desk.post("/dead/redrive", "all=yes&\(counted)&sure=yes").status == 303)
            try await eventually("all are sent back") { try await desk.broker.deadLetterCount() == 0 ? () : nil }
        }
    }

    @Test("whoever may only read is shown nothing that they would be refused, on a page that refuses them either")
    func viewersPages() async throws {
        try await Desk.with(["VIEWER_TOKEN": "viewers-have-only-this-one"]) { desk async throws in
            try await desk.kill(1)
            let login = "Basic " + Data("bob:viewers-have-only-this-one".utf8).base64EncodedString()
            let page = try await desk.page("/dead", ["Authorization": login])
            #expect(page.contains("the card is away") && !page.contains("checkbox") && !page.contains(">Choose<"))
            #expect(!page.contains("/send") && !page.contains("Purge"))
            let refused = try await desk.send(.GET, "/send", headers: ["Authorization": login])
            #expect(refused.status == 403 && refused.text.contains("bob, viewer") && !refused.text.contains("/send"))
        }
    }

    @Test("a queue is paused, limited and resumed from its page")
    func queue() async throws {
        try await Desk.with { desk async throws in
            #expect(try await desk.page("/queues/payment").contains("Pause deliveries"))
            #expect(try await desk.post("/queues/payment/pause", "").status == 303)
            #expect(try await desk.broker.statistics().filter(\.isPaused).map(\.queue) == ["payment"])
            #expect(try await desk.post("/queues/payment/limit", "concurrency=5&rate=&burst=").status == 303)
            #expect(try await desk.post("/queues/payment/limit", "concurrency=0").status == 400)
            #expect(try await desk.post("/queues/payment/resume", "").status == 303)
            #expect(try await desk.post("/queues/nowhere/pause", "").status == 404)
            let verbs = try await desk.broker.operatorActions().map(\.verb)
            #expect(verbs == [.resume, .limit, .pause])
        }
    }

    @Test("what operators did is found by who did it, by what they did, and by queue, page by page")
    func auditFilters() async throws {
        try await Desk.with { desk async throws in
            try await Operator("ada", via: "test").act {
                for _ in 0..<60 {
                    try await desk.broker.pause("payment")
                    try await desk.broker.resume("payment")
                }
            }
            try await Operator("bob", via: "test").act { try await desk.broker.pause("stock") }
            let bobs = try await desk.page("/audit?by=bob&verb=+&queue=")
            #expect(bobs.contains(">bob<") && bobs.contains(">stock<") && !bobs.contains(">ada<"))
            #expect(bobs.contains("name=\"by\" type=\"text\" value=\"bob\""))
            let pauses = try await desk.page("/audit?by=ada&verb=pause&queue=payment")
            #expect(pauses.contains("<option value=\"pause\" selected>") && !pauses.contains(">resume</a>"))
            #expect(try await desk.page("/audit?by=bob&queue=payment").contains("Nobody has done anything like that."))
            let first = try await desk.page("/audit?by=ada&queue=payment")
            let link = try #require(first.firstMatch(of: /href="([^"]*before=[^"]*)"/)?.output.1)
            let second = try await desk.page(String(link).replacing("&amp;", with: "&"))
            #expect(second.matches(of: />ada</).count == 20 && !second.contains(">bob<"))
            #expect(try await desk.send(.GET, "/audit?verb=nonsense").status == 400)
        }
    }

    @Test("the page after a change shows the queue as it is now, not as it was read a moment before")
    func afterChange() async throws {
        try await Desk.with { desk async throws in
            for (verb, button, state) in [("pause", "Resume", "paused"), ("resume", "Pause", "")] {
                // What is shown of all queues was read for these pages, and is as good as new.
                _ = try await (desk.page("/"), desk.page("/queues/payment"))
                let done = try await desk.post("/queues/payment/\(verb)", "")
                let page = try await desk.page(try #require(done.headers["Location"].first))
                #expect(page.contains("\(button) deliveries") && page.contains("data-live=\"payment state\">\(state)<"))
                #expect(try await desk.page("/").contains("data-live=\"payment state\">\(state)<"))
            }
        }
    }

    @Test("pages are counted by where they lead, whichever queue they are of, also those that are refused")
    func counted() async throws {
        try await Desk.with { desk async throws in
            for queue in ["payment", "stock"] { _ = try await desk.page("/queues/\(queue)") }
            _ = try await desk.send(.GET, "/audit", headers: ["Host": "evil.example"])
            let metrics = try await desk.send(.GET, "/metrics").text
            for counted in [
                #""200",http_route="/queues/{name}"} 2"#, #""421",http_route="/audit"} 1"#,
            ] {
                let start = #"http_server_requests_total{http_request_method="GET",http_response_status_code="#
                #expect(metrics.contains(start + counted), "\(counted)")
            }
        }
    }

    @Test("a page that stays open is told of what changes, in one event after the other")
    func live() async throws {
        try await Desk.with { desk async throws in
            let told = try await desk.event { $0.contains("\"payment waiting\":\"0\"") }
            #expect(told)
            try await desk.broker.send("x", to: Queue<String>("payment"))
            #expect(try await desk.event { $0.contains("\"payment waiting\":\"1\"") })
        }
    }

    @Test("the stream of a queue's page tells of that queue alone, first all of it and then what has changed")
    func liveOfQueue() async throws {
        try await Desk.with { desk async throws in
            #expect(try await desk.page("/queues/payment").contains("data-queue=\"payment\""))
            var isSent = false
            let text = try await desk.told(by: "/live?queue=payment") { text in
                if !isSent, text.contains("\"payment waiting\":\"0\"") {
                    try await desk.broker.send("x", to: Queue<String>("payment"))
                    isSent = true
                }
                return text.contains("\"payment waiting\":\"1\"")
            }
            #expect(!text.contains("\"stock waiting\""))
            let last = try #require(text.split(separator: "data: ").last)
            #expect(!last.contains("\"payment dead\""), "\(last)")
        }
    }

    @Test("the table of queues is filtered by a part of their names, and has those first that need a person")
    func filtered() async throws {
        try await Desk.with(before: { database in
            let broker = Broker(database)
            try await broker.send(Draft(body: Array("1".utf8)), to: "stock-release")
            let received = try await broker.receive("stock-release", lease: .seconds(60))
            try await broker.deadLetter(received.map { .init($0, reason: "tired", error: nil) })
        }) { desk async throws in
            let page = try await desk.page("/?queue=STOCK")
            let rest = try #require(page.split(separator: "<caption>Queues</caption>").last)
            let table = try #require(rest.split(separator: "</table>").first)
            let troubled = try #require(table.firstRange(of: ">stock-release</a>"))
            let other = try #require(table.firstRange(of: ">stock</a>"))
            #expect(troubled.lowerBound < other.lowerBound && !table.contains(">payment</a>"))
            #expect(page.contains("value=\"STOCK\""))
            #expect(try await desk.page("/?queue=none").contains("There is no queue like that."))
        }
    }

    @Test("while nothing can be read, pages that stay open are told since when, also those that ask only then")
    func stale() async throws {
        try await Desk.with { desk async throws in
            #expect(try await desk.event { $0.contains("\"payment waiting\":\"0\"") })
            try await desk.database.script("ALTER TABLE mq.consumers RENAME TO away")
            for _ in 0..<2 {
                #expect(try await desk.events().status == .ok)
                #expect(try await desk.event { $0.contains("event: stale\ndata: {\"since\":\"20") })
            }
            try await desk.database.script("ALTER TABLE mq.away RENAME TO consumers")
            #expect(try await desk.event { $0.contains("\"payment waiting\":\"0\"") })
        }
    }

    @Test("a queue is named whose messages are due and are moved by nobody, and one that keeps the log for too long")
    func neglected() async throws {
        try await Desk.with(before: { database in
            let broker = Broker(database)
            try await broker.send(Draft(body: Array("1".utf8), delay: .seconds(3600)), to: "refunds")
            try await database.script("UPDATE mq.scheduled SET due_at = now() - interval '1 minute'")
            try await broker.send(Draft(body: Array("1".utf8)), to: "stock")
            try await broker.pause("stock")
            try await database.script(
                "SELECT mq.open_segment(2); SELECT mq.advance_head(2); UPDATE mq.segments SET opened_at = now() - interval '9 days'"
            )
        }) { desk async throws in
            let page = try await desk.page("/")
            #expect(page.contains("nobody receives from refunds"))
            #expect(page.contains("stock keeps the log since"))
        }
    }
}

extension Desk {
    /// Follows the events until one is as wanted.
    fileprivate func event(_ isWanted: (String) -> Bool) async throws -> Bool {
        let response = try await events()
        var text = ""
        for try await bytes in response.body {
            text += String(buffer: bytes)
            if isWanted(text) { return true }
        }
        return false
    }

    /// Follows a stream until it is as wanted, and answers all of it.
    fileprivate func told(by path: String, until isEnough: (String) async throws -> Bool) async throws -> String {
        let response = try await events(path)
        var text = ""
        for try await bytes in response.body {
            text += String(buffer: bytes)
            if try await isEnough(text) { return text }
        }
        return text
    }
}
