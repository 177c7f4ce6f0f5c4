/// The names of RocketMQ's that are parts of names here: instances and groups. They have no dot, so that what belongs to one instance
/// or group can't be taken for another one's.
enum MQName {
    /// The library's name of a topic: that of an instance begins with the instance, and a dot. Without an instance it is any topic of the
    /// library's.
    ///
    /// - Throws: ``Refusal``.
    static func topic(_ topic: String, of instance: String?) throws -> String {
        guard let instance, !instance.isEmpty else { return topic }
        return "\(try part(instance, "The instance (ns)")).\(topic)"
    }

    /// - Throws: ``Refusal``.
    static func group(_ name: String?) throws -> String {
        guard let name, !name.isEmpty else {
            throw Refusal(.invalidArgument, "The parameter consumer is missing.")
        }
        guard name != orderly else { throw Refusal(.invalidArgument, "No group can be named \(orderly).") }
        return try part(name, "The group (consumer)")
    }

    /// The last part of the name of a group's queue, where the group consumes in order.
    static let orderly = "orderly"

    private static func part(_ text: String, _ what: String) throws -> String {
        let isGood = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "a")...UInt8(ascii: "z"): true
            default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
        }
        guard isGood else {
            throw Refusal(.invalidArgument, "\(what) has letters, digits, hyphens and underscores only.")
        }
        return text
    }
}
