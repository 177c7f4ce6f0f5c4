import Foundation
import Testing

extension OrderAPITests {
    @Suite("/metrics")
    struct MetricsTests {
        @Test("/metrics is Prometheus text, and tells how the queues and the pool stand")
        func exposition() async throws {
            try await API.with { api in
                for _ in 0..<3 { _ = try await api.order() }
                let answer = try await api.get("/metrics")
                #expect(answer.status == 200)
                #expect(answer.type == "text/plain; version=0.0.4; charset=utf-8")
                #expect(answer.text.hasSuffix("\n"))
                let lines = answer.text.split(separator: "\n").map(String.init)
                let label = #"[a-zA-Z_][a-zA-Z0-9_]*="(\\[\\"n]|[^\\"])*""#
                let sample = try Regex(
                    #"[a-zA-Z_:][a-zA-Z0-9_:]*(\{\#(label)(,\#(label))*\})? ([-+0-9.eE]+|NaN|[+-]Inf)"#)
                var family = ""
                var families: Set<String> = []
                for line in lines where !line.hasPrefix("# HELP") {
                    if line.hasPrefix("# TYPE ") {
                        let words = line.split(separator: " ").map(String.init)
                        #expect(words.count == 4 && ["counter", "gauge", "histogram"].contains(words[3]), "\(line)")
                        family = words[2]
                        #expect(families.insert(family).inserted, "\(family) is declared twice")
                    } else {
                        #expect(try sample.wholeMatch(in: line) != nil, "\(line)")
                        #expect(!family.isEmpty && line.hasPrefix(family), "\(line) stands under \(family)")
                    }
                }
                #expect(Set(lines).count == lines.count)
                #expect(lines.contains(#"mq_queue_depth{queue="orders"} 3"#))
                #expect(lines.contains(#"mq_queue_dead{queue="orders"} 0"#))
                #expect(families.isSuperset(of: ["postgres_pool_open", "postgres_pool_idle", "postgres_pool_waiting"]))
            }
        }

        @Test("orders are counted by what they were answered, and whoever asks for an order by its path without the id")
        func requests() async throws {
            try await API.with { api in
                for _ in 0..<3 { _ = try await api.order() }
                _ = try await api.order("{")
                for id in [UUID(), UUID()] { _ = try await api.get("/orders/\(id)") }
                _ = try await api.get("/nothing")
                let lines = Set(try await api.get("/metrics").text.split(separator: "\n").map(String.init))
                let counted = [
                    #"POST",http_response_status_code="202",http_route="/orders"} 3"#,
                    #"POST",http_response_status_code="400",http_route="/orders"} 1"#,
                    #"GET",http_response_status_code="404",http_route="/orders/{id}"} 2"#,
                    #"GET",http_response_status_code="404",http_route="unknown"} 1"#,
                ].map { #"http_server_requests_total{http_request_method=""# + $0 }
                #expect(lines.isSuperset(of: counted), "\(lines.filter { $0.hasPrefix("http_server_requests") })")
                let timed = #"{http_request_method="POST",http_route="/orders"} 4"#
                #expect(lines.contains("http_server_request_duration_seconds_count" + timed))
            }
        }
    }
}
