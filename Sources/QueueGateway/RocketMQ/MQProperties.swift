import Foundation
import MessageQueue

/// The properties of a message as this dialect writes them, `name:value|name:value|`. They travel as headers of the same names.
struct MQProperties: Equatable, Sendable {
    private let pairs: [String: String]

    init(_ text: String) {
        var pairs: [String: String] = [:]
        // By scalars: an accent that a value begins with would make one character with the colon before it.
        for pair in text.unicodeScalars.split(separator: "|") {
            let parts = pair.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
            if parts.count == 2, !parts[0].isEmpty { pairs[parts[0]] = parts[1] }
        }
        self.pairs = pairs
    }

    /// Of a message, whoever sent it: what this dialect can't write is left out. The key of one that others have sent is told as KEYS.
    init(headers: [String: String], key: String? = nil) {
        var told = headers
        if let key, told["KEYS"] == nil, told["__SHARDINGKEY"] == nil { told["KEYS"] = key }
        pairs = told.filter { name, value in
            ![name, value].contains { $0.isEmpty || Self.hasSeparator($0) || !$0.canStandInXML }
                && !MessageDocument.isReserved(name)
        }
    }

    private static func hasSeparator(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0 == ":" || $0 == "|" }
    }

    /// - Throws: ``Refusal`` for a name that is the engine's, or the gateway's.
    func headers() throws -> [String: String] {
        if let name = pairs.keys.filter({ MessageDocument.isReserved($0) }).min() {
            throw Refusal(
                .invalidArgument, "No property can be named \(name): mq. and gateway. begin names of our own.")
        }
        return pairs
    }

    var keys: String? { pairs["KEYS"].flatMap { $0.isEmpty ? nil : $0 } }
    var shardingKey: String? { pairs["__SHARDINGKEY"].flatMap { $0.isEmpty ? nil : $0 } }
    /// In milliseconds since 1970, as the client wrote it.
    var startTime: String? { pairs["__STARTDELIVERTIME"].flatMap { $0.isEmpty ? nil : $0 } }
    /// Of a half message: after how many seconds its producers are asked.
    var checkTime: String? { pairs["__TransCheckT"] }

    /// With a bar at the end of each; nil for none.
    var text: String? {
        pairs.isEmpty ? nil : pairs.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)|" }.joined()
    }
}
