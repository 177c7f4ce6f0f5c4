import Foundation
import MessageQueue
import StrictJSON

/// A message as it is told: its body as JSON when it is such a text, else as its bytes in Base64.
enum MessageDocument {
    private static let reserved = ["mq.", "gateway."]

    /// Headers of these names are the engine's, and the gateway's.
    static func isReserved(_ header: String) -> Bool { reserved.contains { header.hasPrefix($0) } }

    static func document(_ message: Message) -> JSONText {
        .object([
            ("id", .of(message.id)), body(message.body), ("key", .of(message.key)), ("tag", .of(message.tag)),
            ("headers", .of(message.headers.filter { !isReserved($0.key) })), ("topic", .of(message.topic)),
            ("subscription", .of(message.subscription?.name)), ("format", .of(message.subscription?.format)),
            ("sentAt", .of(message.sentAt)),
        ])
    }

    static func document(_ received: ReceivedMessage, handle: String) -> JSONText {
        document(received.message).adding([
            ("receipt", .string(handle)), ("attempt", .integer(received.attempt)),
            ("priority", .integer(received.priority.number)), ("leaseEnds", .of(received.leaseEnds)),
            ("firstReceivedAt", .of(received.firstReceivedAt)),
        ])
    }

    static func document(_ waiting: WaitingMessage) -> JSONText {
        document(waiting.message).adding([
            ("attempt", .integer(waiting.attempt)), ("priority", .integer(waiting.priority.number)),
            ("firstReceivedAt", .of(waiting.firstReceivedAt)),
        ])
    }

    static func document(_ half: HalfMessage, handle: String) -> JSONText {
        document(half.message).adding([
            ("receipt", .string(handle)), ("checks", .integer(half.checks)), ("receiptEnds", .of(half.receiptEnds)),
        ])
    }

    private static func body(_ bytes: [UInt8]) -> (String, JSONText) {
        guard let node = try? StrictJSON.read(bytes) else {
            return ("bodyBase64", .string(Data(bytes).base64EncodedString()))
        }
        return ("body", .written(Array(node.text)))
    }
}
