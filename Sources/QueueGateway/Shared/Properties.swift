import Foundation
import MessageQueue

/// A property of a message, as clients of MNS write it.
struct Property: Equatable, Sendable {
    enum Kind: String, Codable { case string = "STRING", number = "NUMBER", boolean = "BOOLEAN", binary = "BINARY" }

    let name: String
    let value: String
    let kind: Kind

    /// Whether the value is of the kind that it says; clients stumble over one that is not.
    var isTrue: Bool {
        switch kind {
        case .string: true
        case .number: isDecimal && Double(value).map(\.isFinite) ?? false
        case .boolean: ["true", "false"].contains(value.lowercased())
        case .binary: Data(base64Encoded: value) != nil
        }
    }

    /// What is read here may be written in hexadecimal digits; clients can't read that, nor the batch that it is in.
    private var isDecimal: Bool { value.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) } }

    static let most = 50
    static let longestName = 256
    static let longestValue = 4096

    static func isName(_ name: String) -> Bool {
        let isGood = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "a")...UInt8(ascii: "z"): true
            default: [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(byte)
            }
        }
        return isGood && 1...longestName ~= name.utf8.count && !name.hasPrefix(".") && !name.hasSuffix(".")
            && !name.contains("..")
    }
}

/// The properties of a message, and how they travel as its headers: those of clients under their own names, so that steps in Swift
/// read them as headers; those of a trace under theirs, so that the trace goes on; the rest, and what is not a plain text, in a
/// header of the gateway's.
struct Properties: Equatable, Sendable {
    var user: [Property] = []
    var system: [Property] = []

    private static let header = "gateway.properties"
    private static let traces: Set<String> = ["traceparent", "tracestate", "baggage"]

    /// What the headers alone don't say.
    private struct Rest: Codable {
        var kinds: [String: Property.Kind] = [:]
        var user: [String: String] = [:]
        var system: [String: String] = [:]

        var isEmpty: Bool { kinds.isEmpty && user.isEmpty && system.isEmpty }
    }

    init(user: [Property] = [], system: [Property] = []) {
        self.user = user
        self.system = system
    }

    private static func isReserved(_ name: String) -> Bool {
        traces.contains(name) || ["gateway.", "mq."].contains { name.hasPrefix($0) }
    }

    func headers() throws -> [String: String] {
        var (headers, rest) = ([String: String](), Rest())
        for property in user {
            if Self.isReserved(property.name) {
                rest.user[property.name] = property.value
            } else {
                headers[property.name] = property.value
            }
            if property.kind != .string { rest.kinds[property.name] = property.kind }
        }
        for property in system {
            if Self.traces.contains(property.name) {
                headers[property.name] = property.value
            } else {
                rest.system[property.name] = property.value
            }
        }
        if !rest.isEmpty { headers[Self.header] = String(decoding: try JSONEncoder().encode(rest), as: UTF8.self) }
        return headers
    }

    /// Of a message, whoever sent it: headers that can be no property are left out.
    init(headers: [String: String]) {
        let text = headers[Self.header] ?? "{}"
        let rest = (try? JSONDecoder().decode(Rest.self, from: Data(text.utf8))) ?? Rest()
        let plain = headers.filter { !Self.isReserved($0.key) && Property.isName($0.key) && $0.value.canBeValue }
        user = plain.merging(rest.user) { $1 }.sorted { $0.key < $1.key }.map { name, value in
            let property = Property(name: name, value: value, kind: rest.kinds[name] ?? .string)
            return property.isTrue ? property : Property(name: name, value: value, kind: .string)
        }
        let traces = headers.filter { Self.traces.contains($0.key) && $0.value.canBeValue }
        system = traces.merging(rest.system) { $1 }.sorted { $0.key < $1.key }
            .map { Property(name: $0, value: $1, kind: .string) }
    }
}

extension String {
    /// Clients can't read an empty value.
    fileprivate var canBeValue: Bool { !isEmpty && utf8.count <= Property.longestValue && canStandInXML }
}
