/// What of the metrics of a process is of interest here.
struct Exposition {
    private(set) var version: String?
    private var sum: Double?
    /// Nil where nothing is counted, or what answers says what no count can be.
    var handled: Int? { sum.flatMap { Int(exactly: $0.rounded()) } }

    /// Of workers, of whatever answers over HTTP, and of the sandbox's providers.
    private static let counted = [
        "mq_deliveries_total", "http_server_requests_total", "sandbox_answer_seconds_count",
    ]

    init(_ text: String) {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("mq_build_info{"), let match = line.firstMatch(of: /version="([^"]*)"/) {
                version = String(match.output.1)
            }
            guard Self.counted.contains(where: { line.hasPrefix($0 + "{") || line.hasPrefix($0 + " ") }),
                let number = line.split(separator: " ").last.flatMap({ Double($0) })
            else { continue }
            sum = (sum ?? 0) + number
        }
    }
}
