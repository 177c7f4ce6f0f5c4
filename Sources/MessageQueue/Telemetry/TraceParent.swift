/// The header of W3C Trace Context that names the parent of a span.
enum TraceParent {
    static let header = "traceparent"
    static let stateHeader = "tracestate"

    /// The trace context among headers: nothing without a well-formed parent, since its state alone means nothing.
    static func headers(among headers: [String: String]) -> [String: String] {
        guard let parent = headers[header], isWellFormed(parent) else { return [:] }
        return headers.filter { $0.key == header || $0.key == stateHeader }
    }

    /// Whether a value has the form `version-traceid-parentid-flags` (W3C Trace Context, section 3.2). Of versions to come only
    /// the beginning is known.
    static func isWellFormed(_ value: String) -> Bool {
        let bytes = Array(value.utf8)
        guard bytes.count >= 55, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash else { return false }
        let parts = [bytes[0..<2], bytes[3..<35], bytes[36..<52], bytes[53..<55]]
        guard parts.allSatisfy({ $0.allSatisfy(isHexadecimal) }), !parts[0].elementsEqual("ff".utf8) else {
            return false
        }
        guard !parts[1].allSatisfy({ $0 == zero }), !parts[2].allSatisfy({ $0 == zero }) else { return false }
        return bytes.count == 55 || !parts[0].elementsEqual("00".utf8) && bytes[55] == dash
    }

    private static let dash = UInt8(ascii: "-")
    private static let zero = UInt8(ascii: "0")

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
