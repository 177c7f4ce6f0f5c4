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
            var form = SendForm(try await Fields(body: request))
            let (draft, errors) = form.draft(desk.options.checks)
            guard let draft else { return try await page(form, errors) }
            let sent: SentOnce
            do {
                sent = try await desk.acting { [form] in try await send(draft, form) }
            } catch let error as QueueError {
                return try await page(form, ["to": "\(error)"])
            }
            switch sent {
            case .stored(let ids), .repeated(let ids): return desk.seeOther("/messages/\(ids.first ?? draft.id)")
            case .refused:
                form.beginAnew()
                return try await page(form, ["form": Self.wasSent])
            }
        }
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
        guard form.take(record.message) else {
            throw Refusal(.badRequest, "Its body is no text in UTF-8: it can't be changed here.")
        }
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
        let places = reading.map { reading in
            reading.queues.map { "queue \($0.queue)" } + reading.topicNames.map { "topic \($0)" }
        }
        return desk.form(
            "/send",
            [
                HTML(
                    "div", ["class": "search"],
                    [
                        .field(
                            places == nil ? "To, as queue NAME or topic NAME" : "To",
                            .choice("to", places, chosen: form.to, none: nil, error: errors["to"])),
                        .field("Key", .input("key", form.key, error: errors["key"])),
                        .field("Tag", .input("tag", form.tag, error: errors["tag"])),
                        .field(
                            "Not before so many seconds",
                            .input("delay", form.delay, type: "number", error: errors["delay"])),
                    ]),
                .field(
                    "Headers, a line each as name: value",
                    .area("headers", form.headers, rows: 3, error: errors["headers"])),
                .field("Body, in JSON", .area("body", form.body, rows: 16, error: errors["body"])),
                form.parent.map { HTML.hidden("parent", $0) } ?? "", .hidden("form", form.name), .button("Send"),
            ])
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
    /// Names this form, so that sent twice it makes one message.
    private(set) var name: String
    private(set) var to: String?
    private(set) var key: String?
    private(set) var tag: String?
    let delay: String?
    private(set) var headers: String
    private(set) var body: String
    private(set) var parent: String?

    init(_ fields: Fields) {
        name = fields["form"] ?? UUID().uuidString.lowercased()
        to = fields["to"] ?? fields["queue"].map { "queue \($0)" } ?? fields["topic"].map { "topic \($0)" }
        key = fields["key"]
        tag = fields["tag"]
        delay = fields["delay"]
        headers = fields.verbatim("headers") ?? ""
        body = fields.verbatim("body") ?? "{\n}"
        parent = fields["parent"]
    }

    var queue: QueueName? { to.flatMap { $0.hasPrefix("queue ") ? QueueName(String($0.dropFirst(6))) : nil } }
    var topic: TopicName? { to.flatMap { $0.hasPrefix("topic ") ? TopicName(String($0.dropFirst(6))) : nil } }

    /// What goes from here on is another form.
    mutating func beginAnew() { name = UUID().uuidString.lowercased() }

    /// Tells one content from another one (FNV-1a of 64 bits): nobody but the operator chooses it.
    var fingerprint: String {
        let parts = [to, key, tag, delay, headers, body, parent].map { $0 ?? "" }
        let hash = parts.joined(separator: "\0").utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        return String(hash, radix: 36)
    }

    /// - Returns: false for a body that can't be shown as the text that it is: what is sent on is what is shown.
    mutating func take(_ message: Message) -> Bool {
        let draft = Draft(changing: message)
        guard let text = String(validating: draft.body, as: UTF8.self) else { return false }
        (key, tag) = (draft.key, draft.tag)
        headers = draft.headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
        body = text
        parent = "\(message.id)"
        return true
    }

    /// In seconds.
    private static let delays = 0...(366 * 86_400.0)

    /// Either a draft, or what is wrong with each field.
    func draft(_ checks: [QueueName: @Sendable ([UInt8]) throws -> Void]) -> (Draft?, [String: String]) {
        var errors: [String: String] = [:]
        if queue == nil, topic == nil { errors["to"] = "Say where it is to go." }
        let seconds = delay.map { Double($0) } ?? 0
        let bytes = Array(body.replacing("\r\n", with: "\n").utf8)
        do { _ = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) } catch {
            errors["body"] =
                "This is no JSON: \((error as NSError).userInfo["NSDebugDescription"] ?? "it can't be read")"
        }
        if !Self.delays.contains(seconds ?? -1) {
            errors["delay"] = "This is no number of seconds. From 0 to 31622400 will do, which are 366 days."
        }
        if topic != nil, (seconds ?? 0) > 0 { errors["delay"] = "What is published to a topic goes at once." }
        let pairs = headers.split(whereSeparator: \.isNewline).map { $0.split(separator: ":", maxSplits: 1) }
        if pairs.contains(where: { $0.count < 2 || $0[0].allSatisfy(\.isWhitespace) }) {
            errors["headers"] = "Each line is name: value."
        }
        if errors["body"] == nil, let queue, let check = checks[queue] {
            do { try check(bytes) } catch { errors["body"] = "\(queue) can't read it: \(DecodingText(error))" }
        }
        guard errors.isEmpty else { return (nil, errors) }
        let named = pairs.map {
            ($0[0].trimmingCharacters(in: .whitespaces), $0[1].trimmingCharacters(in: .whitespaces))
        }
        let draft = Draft(
            body: bytes, key: key, tag: tag, headers: Dictionary(named) { $1 },
            delay: delay.flatMap { Double($0) }.map { .seconds($0) },
            parent: parent.flatMap { MessageID($0) })
        return (draft, [:])
    }
}
