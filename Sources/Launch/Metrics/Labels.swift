/// The labels of a series, sorted and escaped: `{queue="stock",step="reserve"}`, or nothing.
struct Labels: Hashable, Comparable, CustomStringConvertible {
    private let pairs: [String]

    init(_ dimensions: [(String, String)]) {
        pairs = dimensions.sorted { $0 < $1 }.map(Self.pair)
    }

    private init(pairs: [String]) { self.pairs = pairs }

    func adding(_ name: String, _ value: String) -> Labels { Labels(pairs: pairs + [Self.pair(name, value)]) }

    var description: String { pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}" }

    static func < (first: Labels, second: Labels) -> Bool { first.pairs.lexicographicallyPrecedes(second.pairs) }

    private static func pair(_ name: String, _ value: String) -> String {
        // Scalar by scalar: a carriage return and its line feed are one character, and what combines with a quotation mark is one
        // with it. The format knows no carriage return, which some readers take for the end of a line.
        let escaped = value.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            case "\r": result += "\\\\r"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return "\(metricName(name))=\"\(escaped)\""
    }
}

/// A number as Prometheus reads it: `5`, `0.25`, `+Inf`, `NaN`.
func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
    return Int64(exactly: value).map(String.init) ?? "\(value)"
}
