import Durations
import Foundation

/// When each order is due, in seconds of the story, and the bodies of those that were recorded.
struct Arrivals {
    struct Arrival: Equatable {
        let due: Double
        /// Nil: somebody makes one up.
        let body: Data?
    }

    private(set) var all: [Arrival] = []
    /// The length of the whole load.
    private(set) var length = 0.0

    /// - Throws: ``ScenarioError`` when a recording cannot be read.
    init(of load: Load) throws {
        for phase in load.phases {
            switch phase {
            case .curve(let from, let to, let length): addCurve(from, to, length.inSeconds)
            case .burst(let count): all += Array(repeating: Arrival(due: length, body: nil), count: count)
            case .recording(let path): try addRecording(path)
            }
        }
    }

    /// Evenly along the curve: the nth order is due when the area under the rate reaches n.
    private mutating func addCurve(_ from: Double, _ to: Double, _ seconds: Double) {
        let count = Int((from + to) / 2 * seconds)
        let growth = seconds == 0 ? 0 : (to - from) / seconds
        for number in 0..<count {
            let area = Double(number)
            let due =
                abs(growth) < 1e-9 ? area / from : (-from + (from * from + 2 * growth * area).squareRoot()) / growth
            all.append(Arrival(due: length + due, body: nil))
        }
        length += seconds
    }

    /// No recording is longer.
    private static let longest = Duration.longest.inSeconds

    private struct Line: Decodable {
        let at: Double
        let order: JSONValue
    }

    private mutating func addRecording(_ path: String) throws {
        let text = try Data(contentsOf: URL(filePath: path))
        var last = 0.0
        for (number, line) in text.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let read = try? JSONDecoder().decode(Line.self, from: Data(line)),
                (0...Self.longest).contains(read.at)
            else {
                throw ScenarioError(
                    .badRecording, #"\#(path), line \#(number + 1): is not {"at": SECONDS, "order": {...}}"#)
            }
            last = max(last, read.at)
            all.append(Arrival(due: length + read.at, body: try JSONEncoder().encode(read.order)))
        }
        all.sort { $0.due < $1.due }
        length += last
    }
}

/// JSON of any kind, to be passed on as it is.
enum JSONValue: Codable {
    case object([String: JSONValue]), array([JSONValue]), string(String), number(Double), bool(Bool), null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .object(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .bool(let value): try container.encode(value)
        case .null: try container.encodeNil()
        }
    }
}
