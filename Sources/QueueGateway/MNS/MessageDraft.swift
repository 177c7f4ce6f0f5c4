import MessageQueue

/// A message as a client of MNS sends it.
struct MessageDraft: Equatable {
    let body: String
    let tag: String?
    let group: String?
    let delay: Duration?
    let priority: Int
    let properties: Properties

    static let priorities = 1...16
    static let usualPriority = 8
    static let longestTag = 16

    /// - Throws: ``Refusal``.
    init(_ node: XMLNode, longest: Int) throws {
        guard let body = node["MessageBody"], !body.isEmpty else {
            throw Refusal(.invalidArgument, "MessageBody is missing, or empty.")
        }
        self.body = body
        delay = try node.number("DelaySeconds", in: QueueAttributes.delays).map { .seconds($0) }
        priority = try node.number("Priority", in: Self.priorities) ?? Self.usualPriority
        tag = node["MessageTag"].flatMap { $0.isEmpty ? nil : $0 }
        group = node["MessageGroupId"].flatMap { $0.isEmpty ? nil : $0 }
        properties = try Properties(node)
        guard tag?.count ?? 0 <= Self.longestTag else {
            throw Refusal(.invalidArgument, "A MessageTag has \(Self.longestTag) characters at the most.")
        }
        guard weight <= longest else {
            throw Refusal(.invalidArgument, "The message has \(weight) bytes; \(longest) are allowed.")
        }
    }

    /// As it is measured: properties count too.
    var weight: Int {
        (properties.user + properties.system).reduce(body.utf8.count) { sum, property in
            sum + property.name.utf8.count + property.value.utf8.count + property.kind.rawValue.utf8.count
        }
    }

    func outgoing() throws -> Outgoing<RawBody> {
        Outgoing(
            RawBody(Array(body.utf8)), key: group, tag: tag, headers: try properties.headers(), delay: delay,
            priority: Priority(clamping: priority))
    }
}

extension Properties {
    /// - Throws: ``Refusal`` for a property that clients could not read.
    init(_ node: XMLNode) throws {
        let user = try node.child("UserProperties")?.children("PropertyValue").map { try Property($0) } ?? []
        let system = try node.child("SystemProperties")?.children("SystemPropertyValue").map { try Property($0) } ?? []
        guard user.count <= Property.most, system.count <= Property.most else {
            throw Refusal(.invalidArgument, "A message has \(Property.most) properties at the most.")
        }
        guard Set(user.map(\.name)).count == user.count, Set(system.map(\.name)).count == system.count else {
            throw Refusal(.invalidArgument, "A property is named twice.")
        }
        guard system.allSatisfy({ $0.kind == .string }) else {
            throw Refusal(.invalidArgument, "The Type of a system property is STRING.")
        }
        self.init(user: user, system: system)
    }

    /// For an answer; nil for a list that would be empty.
    var elements: [XMLElement?] {
        [
            user.isEmpty ? nil : XMLElement("UserProperties", user.map { $0.element("PropertyValue") }),
            system.isEmpty ? nil : XMLElement("SystemProperties", system.map { $0.element("SystemPropertyValue") }),
        ]
    }
}

extension Property {
    fileprivate init(_ node: XMLNode) throws {
        guard let name = node["Name"], Self.isName(name) else {
            throw Refusal(.invalidArgument, "The Name of a property is missing, or is none.")
        }
        let value = node["Value"] ?? ""
        guard let kind = Kind(rawValue: node["Type"] ?? Kind.string.rawValue) else {
            throw Refusal(.invalidArgument, "The Type of a property is STRING, NUMBER, BOOLEAN or BINARY.")
        }
        self.init(name: name, value: value, kind: kind)
        guard !value.isEmpty, value.utf8.count <= Self.longestValue, isTrue else {
            throw Refusal(.invalidArgument, "The Value of property \(name) is empty, too long, or not of its Type.")
        }
    }

    fileprivate func element(_ tag: String) -> XMLElement {
        XMLElement(tag, [XMLElement("Name", name), XMLElement("Value", value), XMLElement("Type", kind.rawValue)])
    }
}
