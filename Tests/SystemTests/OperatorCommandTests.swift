import Foundation
import MessageQueue
import Postgres
import ShoeShop
import TestSupport
import Testing

/// The commands that the page on operating lists, as an operator runs them.
@Suite("Commands of an operator", .timeLimit(.minutes(10)))
struct OperatorCommandTests {
    /// What a command answers to a program.
    private func answer(of command: [String], on database: Database) async throws -> Any {
        let output = try await TestProcess.output(
            of: "shoeshop", command + ["--json", "--database-url", database.conninfo])
        return try JSONSerialization.jsonObject(with: Data(output.utf8))
    }

    private func queue(_ name: String, on database: Database) async throws -> [String: Any] {
        let queues = try await answer(of: ["queues"], on: database) as? [[String: Any]]
        return try #require(queues?.first { $0["queue"] as? String == name })
    }

    /// Gives a message up, as a step does that knows better than to try again.
    private func giveUp(_ message: Outgoing<String>, in queue: QueueName, of broker: Broker) async throws {
        try await broker.send([message], to: Queue(queue))
        let received = try await broker.receive(queue, lease: .seconds(600))
        try await broker.deadLetter(received.map { .init($0, reason: "test", error: "it was given up") })
    }

    @Test(
        "commands of an operator answer programs in JSON, also where there is nothing to tell",
        arguments: [
            ["queues"], ["topics"], ["trace", "nothing"], ["dead", "list"], ["dead", "show", "nothing"],
            ["dead", "redrive", "--all"], ["dead", "purge", "--all"], ["blocked", "list"], ["pause", "orders"],
            ["resume", "orders"], ["limit", "orders", "--rate", "50"], ["migrate"], ["top", "--once"], ["workers"],
            ["servers"], ["queues", "show", "orders"], ["queues", "list", "--names"],
            ["purge", "orders", "--dry-run"], ["audit"],
            ["orders", "find", "nobody"], ["messages", "find", "--queue", "orders"], ["dead", "reasons"],
            ["groups", "create", "news", "GID-readers", "--tag", "local"],
            ["messages", "scheduled", "orders"], ["messages", "hasten", "orders", "--retrying"],
            ["blocked", "show", "orders", "nothing"],
        ])
    func json(command: [String]) async throws {
        try await TestDatabase.with(.openShop) { database in
            let answer = try await answer(of: command, on: database)
            #expect(answer is [Any] || answer is [String: Any])
        }
    }

    @Test("an empty database is migrated once, and then is up to date")
    func migrate() async throws {
        try await TestDatabase.with(.empty) { database in
            #expect(try await (answer(of: ["migrate"], on: database) as? [String])?.isEmpty == false)
            #expect(try await (answer(of: ["migrate"], on: database) as? [String])?.isEmpty == true)
            #expect(try await queue("orders", on: database)["waiting"] as? Int == 0)
            let topics = try await answer(of: ["topics"], on: database) as? [[String: Any]]
            #expect(topics?.contains { $0["topic"] as? String == "order-processed" } == true)
        }
    }

    @Test("of each queue that hears a topic it is told what stands in it")
    func topics() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await giveUp(Outgoing("[]"), in: "logistics", of: broker)
            try await broker.send(
                [Outgoing("[]"), Outgoing("[]", delay: .seconds(3600))], to: Queue<String>("logistics"))
            let topics = try await answer(of: ["topics"], on: database) as? [[String: Any]]
            let told = try #require(topics?.first { $0["queue"] as? String == "logistics" })
            #expect(told["dead"] as? Int == 1 && told["waiting"] as? Int == 1 && told["inFlight"] as? Int == 0)
            #expect(told["scheduled"] as? Int == 1 && told["oldestWaitingSeconds"] as? Double != nil)
        }
    }

    @Test("a paused queue is shown as paused, delivers nothing, and is resumed")
    func pause() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            _ = try await answer(of: ["pause", "orders"], on: database)
            #expect(try await queue("orders", on: database)["isPaused"] as? Bool == true)
            try await broker.send("an order", to: Queue<String>("orders"))
            #expect(try await broker.receive("orders", lease: .seconds(60)).isEmpty)
            _ = try await answer(of: ["resume", "orders"], on: database)
            #expect(try await broker.receive("orders", lease: .seconds(60)).count == 1)
        }
    }

    @Test("a limit holds as soon as it is set, and no more once it is taken away")
    func limit() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await broker.send((0..<5).map { Outgoing("order \($0)") }, to: Queue("orders"))
            _ = try await answer(of: ["limit", "orders", "--concurrency", "2"], on: database)
            #expect(try await broker.receive("orders", limit: 5, lease: .seconds(60)).count == 2)
            _ = try await answer(of: ["limit", "orders", "--none"], on: database)
            var received = 0
            try await eventually("the others are received, from whichever lane") {
                received += try await broker.receive("orders", limit: 5, lease: .seconds(60)).count
                return received == 3
            }
        }
    }

    @Test("dead letters are listed, shown, counted in a dry run, sent back and deleted")
    func dead() async throws {
        try await TestDatabase.with(.openShop) { database in
            for key in ["order-1", "order-2"] {
                try await giveUp(Outgoing("an order", key: key), in: "orders", of: Broker(database))
            }
            let listed = try await answer(of: ["dead", "list", "--reason", "test"], on: database) as? [[String: Any]]
            #expect(listed?.compactMap { $0["key"] as? String } == ["order-1", "order-2"])
            let shown = try await answer(of: ["dead", "show", "order-2"], on: database) as? [[String: Any]]
            #expect(shown?.compactMap { $0["error"] as? String } == ["it was given up"])

            let first = try await answer(of: ["dead", "list", "--limit", "1"], on: database) as? [[String: Any]]
            let ticket = try #require(first?.first?["ticket"] as? Int)
            let rest = try await answer(of: ["dead", "list", "--after", "\(ticket)"], on: database) as? [[String: Any]]
            #expect(rest?.compactMap { $0["key"] as? String } == ["order-2"])
            let chosen = ["redrive", "--ticket", "\(ticket)", "--ticket", "\(Int64.max)", "--dry-run"]
            let matched = try await answer(of: ["dead"] + chosen, on: database) as? [String: Any]
            #expect(matched?["matched"] as? Int == 1)

            func moved(_ command: [String]) async throws -> Int? {
                try await (answer(of: ["dead"] + command, on: database) as? [String: Any])?["moved"] as? Int
            }
            #expect(try await moved(["redrive", "--order", "order-1", "--dry-run"]) == 0)
            #expect(try await queue("orders", on: database)["dead"] as? Int == 2)
            #expect(try await moved(["redrive", "--order", "order-1"]) == 1)
            #expect(try await moved(["purge", "--queue", "orders"]) == 1)
            let now = try await queue("orders", on: database)
            #expect(now["dead"] as? Int == 0 && now["waiting"] as? Int == 1 && now["purged"] as? Int == 1)
            let trace = try await answer(of: ["trace", "order-1"], on: database) as? [[String: Any]]
            #expect(trace?.compactMap { $0["outcome"] as? String } == ["dead", "waiting"])
        }
    }

    @Test("keys are told apart by their capitals, and orders found by their ids in capitals as well")
    func capitals() async throws {
        try await TestDatabase.with(.openShop) { database in
            let (broker, order) = (Broker(database), OrderID.new())
            for key in ["A1", "a1", "ORDER-7", "\(order)"] {
                try await giveUp(Outgoing("an order", key: key), in: "orders", of: broker)
            }
            func keys(_ command: [String]) async throws -> [String?]? {
                (try await answer(of: command, on: database) as? [[String: Any]])?.map { $0["key"] as? String }
            }
            let id = "\(order)".uppercased()
            for (command, key) in [
                (["trace", "A1"], "A1"), (["trace", "ORDER-7"], "ORDER-7"), (["dead", "show", "ORDER-7"], "ORDER-7"),
                (["trace", id], "\(order)"), (["dead", "show", id], "\(order)"),
                (["dead", "list", "--order", id], "\(order)"), (["dead", "list", "--key", "a1"], "a1"),
                (["dead", "list", "--order", "A1"], "A1"),
            ] {
                let found = try await keys(command)
                #expect(found?.isEmpty == false && found?.allSatisfy { $0 == key } == true, "\(command)")
            }
            #expect(try await keys(["dead", "list", "--key", id]) == [])
            _ = try await answer(of: ["dead", "purge", "--order", "A1"], on: database)
            #expect(try await broker.deadLetters().map(\.message.key) == ["a1", "ORDER-7", "\(order)"])
        }
    }

    @Test("a dry run tells the last dead letter that it counted, and with it none that dies later is deleted")
    func through() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await giveUp(Outgoing("an order", key: "order-1"), in: "orders", of: broker)
            let purge = ["dead", "purge", "--queue", "orders"]
            let dry = try await answer(of: purge + ["--dry-run"], on: database) as? [String: Any]
            let last = try #require(dry?["lastTicket"] as? Int)
            let told = try await TestProcess.output(
                of: "shoeshop", purge + ["--dry-run", "--database-url", database.conninfo])
            #expect(told.contains("1 would be deleted") && told.contains("--through \(last)"), "\(told)")
            // A colleague sends it back, and another one dies.
            #expect(try await broker.redrive().moved == 1)
            try await broker.complete(try await broker.receive("orders", lease: .seconds(600)))
            try await giveUp(Outgoing("an order", key: "order-2"), in: "orders", of: broker)
            for action in ["redrive", "purge"] {
                let command = ["dead", action, "--queue", "orders", "--through", "\(last)"]
                let report = try await answer(of: command, on: database) as? [String: Any]
                #expect(report?["matched"] as? Int == 0, "\(action)")
            }
            #expect(try await broker.deadLetters().map(\.message.key) == ["order-2"])
        }
    }

    @Test("what waits in a queue is counted, and purged only in earnest; who did it is recorded")
    func purge() async throws {
        try await TestDatabase.with(.openShop) { database in
            try await Broker(database).send((0..<5).map { Outgoing("order \($0)") }, to: Queue("orders"))
            func purged(_ flag: String) async throws -> Int? {
                let told = try await answer(of: ["purge", "orders", flag], on: database) as? [String: Any]
                return told?["messages"] as? Int
            }
            #expect(try await purged("--dry-run") == 5)
            #expect(try await queue("orders", on: database)["waiting"] as? Int == 5)
            #expect(try await purged("--sure") == 5)
            #expect(try await queue("orders", on: database)["waiting"] as? Int == 0)
            let actions = try await answer(of: ["audit"], on: database) as? [[String: Any]]
            #expect(actions?.first?["verb"] as? String == "purge queue")
            try await Operator("bob", via: "test").act { try await Broker(database).pause("orders") }
            for (filter, verbs) in [
                (["--by", "bob"], ["pause"]), (["--verb", "purge queue"], ["purge queue"]),
                (["--queue", "orders"], ["pause", "purge queue"]), (["--by", "bob", "--verb", "resume"], []),
            ] {
                let found = try await answer(of: ["audit"] + filter, on: database) as? [[String: Any]]
                #expect(found?.compactMap { $0["verb"] as? String } == verbs, "\(filter)")
            }
        }
    }

    @Test("what waits for another attempt is listed, delivered now, and taken back by its receipt")
    func scheduled() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            var keys = Set((0..<4).map { "order-\($0)" })
            try await broker.send(keys.map { Outgoing("an order", key: $0) }, to: Queue("orders"))
            while !keys.isEmpty {
                let received = try await broker.receive("orders", limit: 4, lease: .seconds(600))
                try await broker.retry(received.map { .init($0, after: .seconds(3600), error: "away") })
                keys.subtract(received.compactMap(\.message.key))
            }
            func entries(_ options: [String] = []) async throws -> (receipts: [String], next: String?) {
                let told = try await answer(of: ["messages", "scheduled", "orders"] + options, on: database)
                let page = try #require(told as? [String: Any])
                let entries = try #require(page["entries"] as? [[String: Any]])
                #expect(entries.allSatisfy { $0["attempt"] as? Int == 2 })
                return (entries.compactMap { $0["receipt"] as? String }, page["next"] as? String)
            }
            let first = try await entries(["--limit", "3"])
            let rest = try await entries(["--from", try #require(first.next)])
            #expect(Set(first.receipts + rest.receipts).count == 4 && rest.receipts.count == 1)
            func changed(_ command: [String]) async throws -> Int? {
                try await (answer(of: ["messages"] + command, on: database) as? [String: Any])?["messages"] as? Int
            }
            #expect(try await changed(["cancel", "orders"] + first.receipts[..<2]) == 2)
            #expect(try await changed(["hasten", "orders", first.receipts[2]]) == 1)
            #expect(try await changed(["hasten", "orders", "--retrying"]) == 1)
            var received = 0
            try await eventually("both are received, from whichever lane") {
                received += try await broker.receive("orders", limit: 5, lease: .seconds(60)).count
                return received == 2
            }
            for late in [["cancel", "orders", first.receipts[0]], ["hasten", "orders"], ["cancel", "orders", "x"]] {
                let command = ["messages"] + late + ["--database-url", database.conninfo]
                #expect(try await TestProcess.end(of: "shoeshop", command).status == 64, "\(late)")
            }
            let actions = try await answer(of: ["audit"], on: database) as? [[String: Any]]
            #expect(actions?.compactMap { $0["verb"] as? String } == ["hasten", "hasten", "cancel scheduled"])
        }
    }

    @Test("a message is found in all commands by its id as clients of MNS and RocketMQ are told it, 32 digits")
    func foundByDigits() async throws {
        try await TestDatabase.with(.openShop) { database in
            let message = Outgoing("an order", key: "order-1")
            try await giveUp(message, in: "orders", of: Broker(database))
            let digits = message.id.description.replacing("-", with: "").uppercased()
            let shown = try await answer(of: ["messages", "show", digits], on: database) as? [String: Any]
            #expect(shown?["message"] as? String == "\(message.id)")
            for command in [["trace", digits], ["dead", "show", digits], ["dead", "list", "--message", digits]] {
                #expect(try await (answer(of: command, on: database) as? [Any])?.isEmpty == false, "\(command)")
            }
        }
    }

    @Test("a message is sent by hand from another one, which it names; what the steps can't read is refused")
    func send() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            let parent = MessageID()
            let body = #"{"orderID":"01a22919-29d7-72b0-8cc7-0e358532fe61"}"#
            try await broker.send(Draft(body: Array(body.utf8), id: parent, key: "order-1"), to: "cancellations")
            let changed = ["send", "--queue", "cancellations", "--from", "\(parent)", "--header", "why=again"]
            let dry = try await answer(of: changed + ["--dry-run"], on: database) as? [String: Any]
            #expect(dry?["body"] as? String == body && dry?["key"] as? String == "order-1")
            let sent = try await answer(of: changed, on: database) as? [String: Any]
            let id = try #require((sent?["message"] as? String).flatMap { MessageID($0) })
            let record = try #require(try await broker.inspect(id))
            #expect(record.message.headers == ["why": "again", Draft.parentHeader: "\(parent)"])
            let refused = [
                "send", "--queue", "cancellations", "--body", "{}", "--database-url", database.conninfo,
            ]
            let end = try await TestProcess.end(of: "shoeshop", refused)
            #expect(end.status == 64 && end.complaint.contains("orderID is missing"), "\(end)")
            #expect(try await broker.statistics(of: "cancellations").appended == 2)
        }
    }

    @Test("what is published by hand is checked by all who would hear it, also in a dry run")
    func publish() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            for (topic, body, fault) in [
                ("order-rejected", "{}", "order-status can't read this body"),
                ("order-rejected", "nonsense", "the body is no JSON"), ("nowhere", "{}", "there is no topic nowhere"),
            ] {
                let command = ["send", "--topic", topic, "--body", body, "--tag", "declined", "--dry-run"]
                let end = try await TestProcess.end(of: "shoeshop", command + ["--database-url", database.conninfo])
                #expect(end.status != 0 && end.complaint.contains(fault), "\(end)")
            }
            let rejected = """
                {"event":"order-rejected","orderID":"01a22919-29d7-72b0-8cc7-0e358532fe61","reason":"declined",
                "detail":"","at":1767225600000}
                """
            _ = try await answer(
                of: ["send", "--topic", "order-rejected", "--body", rejected, "--tag", "declined"], on: database)
            #expect(try await broker.statistics(of: "stock-release").appended == 1)
            #expect(try await broker.statistics(of: "order-status").appended == 1)
        }
    }

    @Test("a copy keeps the priority of what it was made from, unless another one is given")
    func sendPriority() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await broker.declare(queue: "letters", QueueSettings(priorities: .sixteen))
            let letter = Outgoing("x", key: "A 1 ", priority: .high)
            try await broker.send([letter], to: Queue<String>("letters"))
            let copy = ["send", "--queue", "letters", "--from", "\(letter.id)"]
            let copies: [([String], Int)] = [([], 1), (["--priority", "12"], 12)]
            for (options, priority) in copies {
                let sent = try await answer(of: copy + options, on: database) as? [String: Any]
                let id = try #require((sent?["message"] as? String).flatMap { MessageID($0) })
                let record = try #require(try await broker.inspect(id))
                #expect(record.priority.number == priority && record.message.key == "A 1 ", "\(options)")
            }
            let beyond = copy + ["--priority", "17", "--database-url", database.conninfo]
            #expect(try await TestProcess.end(of: "shoeshop", beyond).status == 64)
        }
    }

    @Test("a message of plain text is sent as it is where that is said, and so is a copy of one")
    func sendRaw() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await broker.declare(queue: "letters")
            let letter = Outgoing(RawBody("no JSON"))
            try await broker.send([letter], to: Queue<RawBody>("letters"))
            let send = ["send", "--queue", "letters"]
            for (options, body) in [
                (["--raw", "--body", "\"hello\" you"], "\"hello\" you"), (["--from", "\(letter.id)"], "no JSON"),
                (["--from", "\(letter.id)", "--body", "", "--raw"], ""),
            ] {
                let sent = try await answer(of: send + options, on: database) as? [String: Any]
                let id = try #require((sent?["message"] as? String).flatMap { MessageID($0) })
                #expect(try await broker.inspect(id)?.message.body == Array(body.utf8), "\(options)")
            }
            for options in [["--body", "no JSON"], ["--from", "\(letter.id)", "--body", "no JSON", "--dry-run"]] {
                let command = send + options + ["--database-url", database.conninfo]
                let end = try await TestProcess.end(of: "shoeshop", command)
                #expect(end.status != 0 && end.complaint.contains("the body is no JSON"), "\(end)")
            }
            #expect(try await broker.statistics(of: "letters").appended == 4)
        }
    }

    @Test("a redrive that one process began is paused, given another rate and stopped from others")
    func steer() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            for number in 0..<4 {
                try await giveUp(Outgoing("an order", key: "order-\(number)"), in: "orders", of: broker)
            }
            async let redrive = answer(of: ["dead", "redrive", "--all", "--rate", "0.01"], on: database)
            let action = try await eventually("it has begun") { try await broker.operatorActions().first }.number
            func standing() async throws -> String? {
                let told = try await answer(of: ["action", "show", "\(action)"], on: database) as? [String: Any]
                return (told?["action"] as? [String: Any])?["standing"] as? String
            }
            _ = try await answer(of: ["action", "pause", "\(action)"], on: database)
            #expect(try await standing() == "paused")
            _ = try await answer(of: ["action", "limit", "\(action)", "--rate", "100"], on: database)
            _ = try await answer(of: ["action", "resume", "\(action)"], on: database)
            #expect(try await (redrive as? [String: Any])?["moved"] as? Int == 4)
            let messages = try await answer(of: ["action", "\(action)"], on: database) as? [String: Any]
            #expect((messages?["messages"] as? [Any])?.count == 4)
            let late = ["action", "stop", "\(action)", "--database-url", database.conninfo]
            #expect(try await TestProcess.end(of: "shoeshop", late).status == 64)
        }
    }

    @Test("orders are found, shown and called off, and that is recorded")
    func orders() async throws {
        try await TestDatabase.with(.openShop) { database in
            let draft = OrderDraft(
                customer: Customer(name: "Ada", email: "ada@example.com"),
                address: Address(recipient: "Ada", street: "Way 1", city: "Bonn", postcode: "53111", country: "DE"),
                lines: [OrderLine(sku: SKU("RUNNER-42-TAN"), quantity: 1)], paymentToken: "tok_visa_1")
            let outcomes = try await database.write { session in
                try SubmitOrders(Broker(database)).commit([Submission(draft: draft, key: nil, body: [])], in: session)
            }
            guard case .accepted(let id) = outcomes[0] else { throw NeverHappened(description: "it was not accepted") }
            func found(_ options: [String]) async throws -> (orders: [String], next: String?) {
                let page = try await answer(of: ["orders", "find"] + options, on: database) as? [String: Any]
                let orders = (page?["orders"] as? [[String: Any]])?.compactMap { $0["order"] as? String }
                return (orders ?? [], page?["next"] as? String)
            }
            #expect(try await found(["ada"]).orders == ["\(id)"])
            // So many came since that a search for a part has to go on.
            try await database.script(
                """
                INSERT INTO orders.orders (id, customer_name, customer_email, recipient, street, city, postcode, country)
                    SELECT ('ff000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '', '', '', '', '', '', ''
                    FROM generate_series(1, \(OrderReader.looked)) AS n
                """)
            #expect(try await found(["Ada@Example.com"]).orders == ["\(id)"])
            let first = try await found(["ada"])
            let next = try #require(first.next)
            #expect(first.orders.isEmpty)
            let second = try await found(["ada", "--before", next])
            #expect(second.orders == ["\(id)"] && second.next == nil)
            let told = try await TestProcess.output(
                of: "shoeshop", ["orders", "find", "ada", "--database-url", database.conninfo])
            #expect(told.contains("More: --before \(next)"), "\(told)")
            let shown = try await answer(of: ["orders", "show", "\(id)"], on: database) as? [String: Any]
            #expect((shown?["timeline"] as? [Any])?.count == 1)
            _ = try await answer(of: ["orders", "cancel", "\(id)"], on: database)
            let actions = try await answer(of: ["audit"], on: database) as? [[String: Any]]
            #expect((actions?.first?["detail"] as? [String: Any])?["did"] as? String == "cancel order")
        }
    }

    @Test("top shows the pipeline in 100 columns, and no line is longer")
    func top() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await giveUp(Outgoing("an order", key: "order-1"), in: "orders", of: broker)
            let told = try await TestProcess.output(
                of: "shoeshop", ["top", "--once", "--database-url", database.conninfo])
            let lines = told.split(separator: "\n")
            #expect(lines.allSatisfy { $0.count <= 100 }, "\(told)")
            #expect(told.contains("! orders has 1 dead letter\n") && told.contains("order-rejected"))
        }
    }

    @Test("a queue is shown with how long its attempts took, how they failed, and since when it keeps the log")
    func showQueue() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await giveUp(Outgoing("an order", key: "order-1"), in: "orders", of: broker)
            try await broker.send("an order", to: Queue<String>("orders"))
            try await broker.pause("orders")
            let young = try await answer(of: ["queues", "show", "orders"], on: database) as? [String: Any]
            #expect(young?["keepsLog"] == nil)
            let times = try #require((young?["times"] as? [[String: Any]])?.first)
            #expect(times["outcome"] as? String == "dead" && times["attempts"] as? Int == 1)
            #expect((times["took"] as? [String: Any])?["p99"] as? Double ?? -1 >= 0)
            let errors = young?["errors"] as? [[String: Any]]
            #expect(errors?.compactMap { $0["error"] as? String } == ["it was given up"])
            try await database.script(
                """
                SELECT mq.open_segment(2); SELECT mq.advance_head(2);
                UPDATE mq.segments SET opened_at = now() - interval '9 days'
                """)
            let old = try await answer(of: ["queues", "show", "orders"], on: database) as? [String: Any]
            #expect((old?["keepsLog"] as? [String: Any])?["queue"] as? String == "orders")
            let told = try await TestProcess.output(
                of: "shoeshop", ["queues", "show", "orders", "--database-url", database.conninfo])
            #expect(told.contains("keeps log   since 20") && told.contains("THEIR ERRORS"), "\(told)")
            let top = try await TestProcess.output(
                of: "shoeshop", ["top", "--once", "--database-url", database.conninfo])
            #expect(top.contains("! orders keeps the log since 20"), "\(top)")
            let doctor = ["doctor", "--json", "--database-url", database.conninfo]
            let found = try await TestProcess.end(of: "shoeshop", doctor).output
            #expect(found.contains("by orders\""), "\(found)")
            let patient = try await TestProcess.end(of: "shoeshop", doctor + ["--retention", "10d"]).output
            #expect(patient.contains("nothing stays for too long"), "\(patient)")
        }
    }

    @Test("a queue is shown with all that it is set up with, to programs in seconds and to people in their units")
    func settings() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            let retry = RetryPolicy(attempts: 3, base: .milliseconds(250), cap: .seconds(90))
            try await broker.declare(
                queue: "letters",
                QueueSettings(
                    lanes: 3, lease: .seconds(45), retry: retry, priorities: .three, retention: .seconds(3 * 86_400),
                    limits: QueueLimits(rate: 50, burst: 7)))
            try await broker.declare(queue: "accounts", QueueSettings(order: .blockOnFailure))
            func shown(_ queue: String) async throws -> [String: Any] {
                try #require(try await answer(of: ["queues", "show", queue], on: database) as? [String: Any])
            }
            let letters = try await shown("letters")
            let settings = try #require(letters["settings"] as? [String: Any])
            for (name, value) in [
                ("lanes", 3.0), ("leaseSeconds", 45.0), ("attempts", 3.0), ("firstBackoffSeconds", 0.25),
                ("longestBackoffSeconds", 90.0), ("priorities", 3.0), ("retentionSeconds", 259_200.0),
                ("delaySeconds", 0.0),
            ] { #expect(settings[name] as? Double == value, "\(name)") }
            #expect((letters["limits"] as? [String: Any])?["burst"] as? Int == 7)
            let accounts = try await shown("accounts")["settings"] as? [String: Any]
            #expect(accounts?["order"] as? String == "blockOnFailure" && accounts?["retentionSeconds"] == nil)
            let told = try await TestProcess.output(
                of: "shoeshop", ["queues", "show", "letters", "--database-url", database.conninfo])
            for line in [
                "lanes       3", "lease       45s", "attempts    3 at the most", "back-off    250ms to 90s",
                "order       none", "retention   3d",
            ] { #expect(told.contains(line + "\n"), "\(told)") }
        }
    }

    @Test("whoever revokes a key is answered in JSON as well, and a key that is none is refused")
    func revoke() async throws {
        try await TestDatabase.with(.openShop) { database in
            let key = NewAccessKey(id: "KEY", label: "billing", sealedSecret: [1], permissions: "[]")
            #expect(try await Broker(database).create(accessKey: key))
            let revoked = try await answer(of: ["keys", "revoke", "KEY"], on: database) as? [String: Any]
            #expect(revoked?["revoked"] as? String == "KEY")
            let again = ["keys", "revoke", "KEY", "--json", "--database-url", database.conninfo]
            #expect(try await TestProcess.end(of: "shoeshop", again).status == 64)
        }
    }

    @Test("shells complete the names of queues wherever a command is about one")
    func completedQueues() async throws {
        let dump = try await TestProcess.output(of: "shoeshop", ["--experimental-dump-help"])
        let told = try #require(try JSONSerialization.jsonObject(with: Data(dump.utf8)) as? [String: Any])
        let all = Self.queueOptions(of: try #require(told["command"] as? [String: Any]), within: [])
        let own = all.filter { $0.command.first == "shoeshop" && !$0.command.contains("bench") }
        #expect(own.count >= 15, "\(own.map(\.command))")
        for option in own { #expect(option.isCompleted, "\(option.command.joined(separator: " "))") }
    }

    private static func queueOptions(
        of command: [String: Any], within path: [String]
    ) -> [(command: [String], isCompleted: Bool)] {
        let path = path + [command["commandName"] as? String ?? ""]
        let arguments = command["arguments"] as? [[String: Any]] ?? []
        let own = arguments.filter { argument in
            let names = (argument["names"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String }
            return names.contains("queue") || names.isEmpty && argument["valueName"] as? String == "queue"
        }
        let others = (command["subcommands"] as? [[String: Any]] ?? []).flatMap { queueOptions(of: $0, within: path) }
        return own.map { (path, ($0["completionKind"] as? [String: Any])?["shellCommand"] != nil) } + others
    }

    @Test("shells complete the commands and their options", arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) async throws {
        let script = try await TestProcess.output(of: "shoeshop", ["--generate-completion-script", shell])
        #expect(
            script.contains("shoeshop") && script.contains("redrive") && script.contains("shoeshop queues list --names")
        )
        guard shell == "bash" else { return }
        let file = "/tmp/shoeshop-completion-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data(script.utf8).write(to: URL(filePath: file))
        let source = "source \(file) && COMP_WORDS=(shoeshop de) COMP_CWORD=1 && _shoeshop && echo ${COMPREPLY[*]}"
        let process = Process()
        let pipe = Pipe()
        (process.executableURL, process.standardOutput) = (URL(filePath: "/bin/bash"), pipe)
        process.arguments = ["-c", source]
        try process.run()
        let told = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(told.contains("dead"), "\(told)")
    }

    @Test("a blocked key is listed, tried again, and skipped to the dead letters")
    func blocked() async throws {
        try await TestDatabase.with(.openShop) { database in
            let broker = Broker(database)
            try await broker.declare(queue: "accounts", QueueSettings(order: .blockOnFailure))
            try await giveUp(Outgoing("a booking", key: "ada"), in: "accounts", of: broker)
            let keys = try await answer(of: ["blocked", "list"], on: database) as? [[String: Any]]
            #expect(keys?.compactMap { $0["key"] as? String } == ["ada"])
            let behind = try await answer(of: ["blocked", "show", "accounts", "ada"], on: database) as? [[String: Any]]
            #expect(behind?.compactMap { $0["attempt"] as? Int } == [1])

            _ = try await answer(of: ["blocked", "retry", "accounts", "ada"], on: database)
            let again = try await broker.receive("accounts", lease: .seconds(60))
            #expect(again.map(\.message.key) == ["ada"])
            try await broker.deadLetter(again.map { .init($0, reason: "test", error: "again") })
            _ = try await answer(of: ["blocked", "skip", "accounts", "ada"], on: database)
            #expect(try await (answer(of: ["blocked", "list"], on: database) as? [Any])?.isEmpty == true)
            #expect(try await queue("accounts", on: database)["dead"] as? Int == 1)
        }
    }
}

extension SystemTests {
    @Test("one command opens the shop, puts the sample orders through it, and ends with success once the books balance")
    func upOnce() async throws {
        let folder = "/tmp/shoeshop-up-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let output = try await TestProcess.output(of: "shoeshop", ["up", "--once", "--json", "--folder", folder])
        let report = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        let summary = try #require(report["summary"] as? [String: Any])
        #expect(report["balance"] as? Bool == true && summary["accepted"] as? Int == 600)
        #expect(summary["waiting"] as? Int == 0 && summary["lost"] as? Int == 0)
    }

    @Test("the password of a shop's database stands in no command line, no output and no log")
    func password() async throws {
        let secret = "sesame-\(UUID().uuidString)"
        let folder = "/tmp/shoeshop-secret-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await TestDatabase.with(.empty) { database in
            let environment = ["DATABASE_URL": "\(database.conninfo) password='\(secret)'", "TMPDIR": folder]
            async let end = TestProcess.end(
                of: "shoeshop", ["up", "--once", "--folder", folder], environment: environment)
            // The sandbox, the API and four workers have told where they are, and the shop itself.
            try await eventually("the shop is open") {
                // The folder comes with the shop.
                try FileManager.default.subpathsOfDirectory(atPath: folder).count { $0.hasPrefix("run/") } > 6
            }
            #expect(try ProcessTable.count(withTemporaryFolder: folder) > 6)
            #expect(try ProcessTable.count(withTemporaryFolder: folder, calledLike: secret) == 0)
            let told = try await end
            #expect(told.status == 0 && !(told.output + told.complaint).contains(secret), "\(told)")
        }
        for log in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/logs") {
            let text = try String(contentsOfFile: "\(folder)/logs/\(log)", encoding: .utf8)
            #expect(!text.isEmpty && !text.contains(secret), "\(log)")
        }
    }
}
