import Foundation
import HTTPTypes
import Hummingbird
import MessageQueue

/// Sends a message by hand: from nothing, or from one that was sent before.
struct SendPage {
    let desk: QueueDesk

    private static let templates = 8
    private static let bodyLimit = 256 * 1024

    func add(to router: some RouterMethods) {
        router.get("send") { request, _ in
            guard Visitor.mayChange else { throw Refusal.onlyReads }
            let fields = try Fields(query: request)
            return try await page(try await form(from: fields), [:])
        }
        router.post("send") { request, _ in
            guard Visitor.mayChange else { throw Refusal.onlyReads }
            return try await post(SendForm(try await Fields(body: request)))
        }
    }

    private func post(_ form: SendForm) async throws -> Response {
        do {
            let (draft, errors) = form.draft(try await checks(form))
            guard let draft else { return try await page(form, errors) }
            let sent = try await desk.acting { try await send(draft, form) }
            return try await answer(sent, to: form, with: draft)
        } catch let error as QueueError { return try await page(form, ["to": "\(error)"]) }
    }

    private func answer(_ sent: SentOnce, to form: SendForm, with draft: Draft) async throws -> Response {
        switch sent {
        case .stored(let ids), .repeated(let ids): return desk.seeOther("/messages/\(ids.first ?? draft.id)")
        case .refused:
            var form = form
            form.beginAnew()
            return try await page(form, ["form": Self.wasSent])
        }
    }

    /// Those of the queue, or of all that would hear it.
    private func checks(_ form: SendForm) async throws -> SendForm.Checks {
        guard let topic = form.topic else { return desk.options.checks.filter { $0.key == form.queue } }
        let hearers = try await desk.broker.hearers(of: topic, tag: form.tag)
        return desk.options.checks.filter { hearers.contains($0.key) }
    }

    private static let wasSent =
        "Nothing was sent now: this form had been sent before with something else in it. Send it again to send this as well."

    /// A second click sends nothing again, and leads to what the first one sent.
    private func send(_ draft: Draft, _ form: SendForm) async throws -> SentOnce {
        if let topic = form.topic {
            return try await desk.broker.publishOnce(
                draft, to: topic, under: form.name, fingerprint: form.fingerprint)
        }
        guard let queue = form.queue else { throw Refusal(.badRequest, "Say where it is to go.") }
        return try await desk.broker.sendOnce(draft, to: queue, under: form.name, fingerprint: form.fingerprint)
    }

    /// What a message that was sent before says, where one is named.
    private func form(from fields: Fields) async throws -> SendForm {
        var form = SendForm(fields)
        guard let text = fields["from"] else { return form }
        guard let id = MessageID(text), let record = try await desk.broker.inspect(id, bodyLimit: Self.bodyLimit) else {
            throw Refusal.nothingHere
        }
        guard record.isWhole else { throw Refusal(.badRequest, "Its body is too large to be changed here.") }
        try form.take(record)
        return form
    }

    private func page(_ form: SendForm, _ errors: [String: String]) async throws -> Response {
        let reading = await desk.readings.known()
        let status: HTTPResponse.Status = errors.isEmpty ? .ok : .unprocessableContent
        let alert = errors.isEmpty ? "" : HTML.alert(errors["form"] ?? "Nothing was sent: see below.")
        let content = [alert, note(form), html(form, errors, reading), try await templates(form)]
        return desk.page("Send a message", at: "/send", content, status: status)
    }

    private func note(_ form: SendForm) -> HTML {
        guard let parent = form.parent else { return .text("") }
        return .paragraph(
            "Made from message ", .link(parent, to: desk.path("/messages/\(parent.queryEscaped)")),
            ", which stays what and where it is: this will be a new message that names it.")
    }

    private func html(_ form: SendForm, _ errors: [String: String], _ reading: Reading?) -> HTML {
        let parent: HTML = form.parent.map { HTML.hidden("parent", $0) } ?? ""
        let content: [HTML] = [
            HTML("div", ["class": "search"], heads(form, errors, reading)),
            .field(
                "Headers, a line each as name: value",
                .area("headers", form.headers, rows: 3, error: errors["headers"])),
            .field("The body is", .select("format", SendForm.formats, chosen: form.format, none: nil)),
            .field(
                "Body; its line breaks are sent as LF", .area("body", form.body, rows: 16, error: errors["body"])),
            parent, .hidden("form", form.name), .button("Send"),
        ]
        return desk.form("/send", content)
    }

    private func heads(_ form: SendForm, _ errors: [String: String], _ reading: Reading?) -> [HTML] {
        let places = reading.map { reading in
            reading.queues.map { "queue \($0.queue)" } + reading.topicNames.map { "topic \($0)" }
        }
        return [
            .field(
                places == nil ? "To, as queue NAME or topic NAME" : "To",
                .choice("to", places, chosen: form.to, none: nil, error: errors["to"])),
            .field("Key", .input("key", form.key, error: errors["key"])),
            .field("Tag", .input("tag", form.tag, error: errors["tag"])),
            .field(
                "Not before so many seconds",
                .input("delay", form.delay, type: "number", error: errors["delay"])),
            .field(
                "Priority, from 1 (first) to 16 (empty: 8)",
                .input("priority", form.priority, type: "number", error: errors["priority"])),
        ]
    }

    /// The latest messages of the queue, to begin with, and the way to those of another one.
    private func templates(_ form: SendForm) async throws -> HTML {
        let queues = await desk.readings.known()?.queues.map(\.queue.text)
        let choice = HTML(
            "form", ["method": "get", "action": desk.path("/send"), "class": "search"],
            [
                .field("Queue", .choice("queue", queues, chosen: form.queue?.text, none: nil)),
                .button("Show its latest messages"),
            ])
        let heading = HTML.heading("Begin with a message that was sent before")
        return HTML([heading, choice, try await latest(of: form.queue)])
    }

    private func latest(of queue: QueueName?) async throws -> HTML {
        guard let queue else { return .text("") }
        let entries: [TraceEntry]
        do {
            entries = try await desk.broker.find(MessageSearch(.queue(queue)), limit: Self.templates).entries
        } catch QueueError.unknownQueue { return .text("") }
        return HTML.table(
            "Its latest messages", ["Appended", "Message", "Key", "Outcome", ""],
            entries.map { entry in
                [
                    .time(DateText(entry.appendedAt)), .text("…" + "\(entry.message)".suffix(12)),
                    .text(entry.key ?? "–"), .badge(entry.outcome.rawValue),
                    .link(
                        "Begin with this one",
                        to: desk.path("/send", ["queue": queue.text, "from": "\(entry.message)"])),
                ]
            }, empty: "Nothing has been sent to it yet.")
    }
}

/// What is filled in.
struct SendForm {
    typealias Checks = [QueueName: @Sendable ([UInt8]) throws -> Void]

    /// Names this form, so that sent twice it makes one message.
    private(set) var name: String
    private(set) var to: String?
    private(set) var key: String?
    private(set) var tag: String?
    let delay: String?
    private(set) var priority: String?
    private(set) var headers: String
    private(set) var body: String
    private(set) var format: String
    private(set) var parent: String?

    private static let (json, text) = ("JSON", "plain text")
    static let formats = [json, text]

    init(_ fields: Fields) {
        name = fields["form"] ?? UUID().uuidString.lowercased()
        to = fields["to"] ?? fields["queue"].map { "queue \($0)" } ?? fields["topic"].map { "topic \($0)" }
        key = fields["key"]
        tag = fields["tag"]
        delay = fields["delay"]
        priority = fields["priority"]
        headers = fields.verbatim("headers") ?? ""
        body = fields.verbatim("body") ?? "{\n}"
        format = fields["format"] ?? Self.json
        parent = fields["parent"]
    }

    var queue: QueueName? { to.flatMap { $0.hasPrefix("queue ") ? QueueName(String($0.dropFirst(6))) : nil } }
    private var isRaw: Bool { format == Self.text }
    var topic: TopicName? { to.flatMap { $0.hasPrefix("topic ") ? TopicName(String($0.dropFirst(6))) : nil } }

    /// What goes from here on is another form.
    mutating func beginAnew() { name = UUID().uuidString.lowercased() }

    /// Tells one content from another one (FNV-1a of 64 bits): nobody but the operator chooses it.
    var fingerprint: String {
        let parts = [to, key, tag, delay, priority, headers, body, format, parent].map { $0 ?? "" }
        let hash = parts.joined(separator: "\0").utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        return String(hash, radix: 36)
    }

    /// - Throws: ``Refusal`` for what the form's fields can't hold as it is: what is sent on is what is shown.
    mutating func take(_ record: MessageRecord) throws {
        let draft = Draft(changing: record.message, priority: record.priority)
        guard let text = String(validating: draft.body, as: UTF8.self) else {
            throw Refusal(.badRequest, "Its body is no text in UTF-8: it can't be changed here.")
        }
        headers = draft.headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
        guard read(headers) == draft.headers, ![draft.key, draft.tag].contains(where: Self.hasLines) else {
            throw Refusal(.badRequest, "Its key, tag or headers don't fit into lines: it can't be changed here.")
        }
        (key, tag) = (draft.key, draft.tag)
        priority = draft.priority == .normal ? nil : "\(draft.priority)"
        body = text
        format = draft.isRaw ? Self.text : Self.json
        parent = "\(record.message.id)"
    }

    private static func hasLines(_ text: String?) -> Bool { text?.contains(where: \.isNewline) ?? false }

    /// Nil where a line is none of a header. After the colon one blank is the form's; all others are the header's own.
    private func read(_ headers: String) -> [String: String]? {
        let pairs = headers.split(whereSeparator: \.isNewline).map { line -> (String, String)? in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let (name, rest) = (line[..<colon].trimmingCharacters(in: .whitespaces), line[colon...].dropFirst())
            return name.isEmpty ? nil : (name, String(rest.first == " " ? rest.dropFirst() : rest))
        }
        let good = pairs.compactMap(\.self)
        return good.count == pairs.count ? Dictionary(good) { $1 } : nil
    }

    /// In seconds.
    private static let delays = 0...(366 * 86_400.0)

    /// Either a draft, or what is wrong with each field.
    ///
    /// - Parameter checks: of the queues that it would come to.
    func draft(_ checks: Checks) -> (Draft?, [String: String]) {
        var errors: [String: String] = [:]
        let bytes = Array(body.replacing("\r\n", with: "\n").utf8)
        if queue == nil, topic == nil { errors["to"] = "Say where it is to go." }
        errors["body"] = fault(of: bytes, checks)
        errors["delay"] = faultOfDelay
        errors["priority"] = faultOfPriority
        let named = read(headers)
        if named == nil { errors["headers"] = "Each line is name: value." }
        guard errors.isEmpty else { return (nil, errors) }
        let draft = Draft(
            body: bytes, key: key, tag: tag, headers: named ?? [:],
            delay: delay.flatMap { Double($0) }.map { .seconds($0) },
            priority: priority.flatMap { Int($0) }.flatMap { Priority($0) } ?? .normal,
            parent: parent.flatMap { MessageID($0) }, isRaw: isRaw)
        return (draft, [:])
    }

    private func fault(of body: [UInt8], _ checks: Checks) -> String? {
        if !isRaw, let fault = Draft.fault(inJSON: body) {
            return "This is no JSON, and plain text is not chosen: \(fault)."
        }
        let faults = checks.sorted { $0.key.text < $1.key.text }.compactMap { queue, check -> String? in
            do { try check(body) } catch { return "\(queue) can't read it: \(DecodingText(error))" }
            return nil
        }
        return faults.isEmpty ? nil : faults.joined(separator: "; ")
    }

    private var faultOfPriority: String? {
        guard let priority, Int(priority).flatMap({ Priority($0) }) == nil else { return nil }
        return "This is no priority: from 1, which is first, to 16."
    }

    private var faultOfDelay: String? {
        let seconds: Double? = if let delay { Double(delay) } else { 0 }
        guard let seconds, Self.delays.contains(seconds) else {
            return "This is no number of seconds. From 0 to 31622400 will do, which are 366 days."
        }
        return topic != nil && seconds > 0 ? "What is published to a topic goes at once." : nil
    }
}
