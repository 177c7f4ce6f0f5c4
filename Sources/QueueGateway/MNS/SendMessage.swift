import HTTPTypes
import MessageQueue

extension MessageCalls {
    private static let largestBatch = 64 << 10

    func send(_ call: Call, to sheet: QueueEntry) async throws -> Answer {
        let root = try XMLReader.read(call.body)
        let longest = sheet.labels.number(.maximumMessageSize) ?? QueueAttributes.sizes.upperBound
        switch root.name {
        case "Message":
            let draft = try MessageDraft(root, longest: longest)
            let sent = try await store([draft], sheet)
            return call.mns(.created, sent[0].element)
        case "Messages":
            return try await sendBatch(
                root.children("Message").map { node in
                    Result { try MessageDraft(node, longest: longest) }
                }, call, sheet)
        default: throw Refusal.wrongRoot("Message, nor Messages")
        }
    }

    private func sendBatch(
        _ drafts: [Result<MessageDraft, any Error>], _ call: Call, _ sheet: QueueEntry
    ) async throws -> Answer {
        guard Self.batch.contains(drafts.count) else { throw Refusal.outside("The number of messages", Self.batch) }
        let good = drafts.compactMap { try? $0.get() }
        guard good.reduce(0, { $0 + $1.weight }) <= Self.largestBatch else {
            throw Refusal(.invalidArgument, "A batch has \(Self.largestBatch) bytes at the most.")
        }
        var sent = try await store(good, sheet)[...]
        let elements = drafts.map { draft in
            switch draft {
            case .success: return sent.removeFirst().elementOfBatch
            case .failure(let error): return Refusal(error).elementOfBatch
            }
        }
        return call.mns(good.count == drafts.count ? .created : .internalServerError, XMLElement("Messages", elements))
    }

    private func store(_ drafts: [MessageDraft], _ sheet: QueueEntry) async throws -> [SentMessage] {
        guard !drafts.isEmpty else { return [] }
        let messages = try drafts.map { try $0.outgoing() }.delayed(by: sheet)
        let handles = try await send(messages)
        return zip(zip(drafts, messages), handles).map { pair, handle in
            SentMessage(id: pair.1.id, body: pair.0.body, group: pair.0.group, handle: handle)
        }
    }

    /// - Returns: for each that is not due yet, the handle by which it can be taken back.
    private func send(_ messages: [Outgoing<RawBody>]) async throws -> [String?] {
        let target = Queue<RawBody>(queue)
        // What is sent at once shares its commit with others.
        guard messages.contains(where: { $0.delay ?? .zero > .zero }) else {
            try await broker.send(messages, to: target)
            return messages.map { _ in nil }
        }
        let scheduled = try await broker.schedule(messages, to: target)
        let receipts = Dictionary(scheduled.map { ($0.id, $0.receipt) }) { one, _ in one }
        return messages.map { message in receipts[message.id].map { backend.handles.handle(of: $0, in: queue) } }
    }
}

/// What a sender is told of its message.
struct SentMessage {
    let id: MessageID
    let body: String
    let group: String?
    var handle: String?

    var element: XMLElement {
        XMLElement(
            "Message",
            facts + [handle.map { XMLElement("ReceiptHandle", $0) }, group.map { XMLElement("MessageGroupId", $0) }])
    }

    /// Clients can't read more than these two.
    var elementOfBatch: XMLElement { XMLElement("Message", facts) }

    private var facts: [XMLElement?] {
        [XMLElement("MessageId", id.digits), XMLElement("MessageBodyMD5", BodyDigest.md5(body))]
    }
}

extension Refusal {
    fileprivate var elementOfBatch: XMLElement {
        XMLElement(
            "Message", [XMLElement("ErrorCode", reason.mnsCode.code), XMLElement("ErrorMessage", text)])
    }
}
