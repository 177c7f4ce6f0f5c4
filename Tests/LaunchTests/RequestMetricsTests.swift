import CoreMetrics
import HTTPTypes
import Hummingbird
import MessageQueue
import NIOHTTP1
import TestSupport
import Testing

@testable import Launch

@Suite("Metrics of requests")
struct RequestMetricsTests {
    private let registry = PrometheusMetrics()

    /// A router that counts; `orders/gone` throws an error with a status of its own, `orders/broken` one without.
    private func router() -> Router<PeerRequestContext> {
        struct Broken: Error {}
        let router = Router(context: PeerRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestMetrics())
        router.get("orders/:id") { _, context -> String in
            switch context.parameters.get("id") {
            case "gone": throw HTTPError(.gone)
            case "broken": throw Broken()
            default: return "an order"
            }
        }
        Operations(metrics: registry).addRoutes(to: router)
        return router
    }

    /// What is counted while `body` runs.
    private func counted(_ body: @Sendable (String) async throws -> Void) async throws -> [String] {
        try await withMetricsFactory(registry) { try await serving(router(), body) }
        return registry.exposition().split(separator: "\n").map(String.init)
    }

    private func count(_ method: String, _ route: String, _ status: Int, _ count: Int) -> String {
        let labels = [
            "http_request_method=\"\(method)\"", "http_response_status_code=\"\(status)\"", "http_route=\"\(route)\"",
        ]
        return "http_server_requests_total{\(labels.joined(separator: ","))} \(count)"
    }

    @Test("each request is counted once, by method, template of its path and status, also one that ends with an error")
    func counts() async throws {
        let lines = try await counted { url async throws in
            for id in ["1", "2", "gone", "broken"] { _ = try await ask("\(url)/orders/\(id)") }
            _ = try await ask("\(url)/orders/3", by: .HEAD)
        }
        let route = "/orders/{id}"
        let expected = [
            count("GET", route, 200, 2), count("GET", route, 410, 1), count("GET", route, 500, 1),
            count("HEAD", route, 200, 1),
        ]
        #expect(lines.filter { $0.hasPrefix("http_server_requests_total{") } == expected)
    }

    @Test("each request is timed, by method and template of its path")
    func times() async throws {
        let lines = try await counted { url async throws in
            for id in ["1", "gone"] { _ = try await ask("\(url)/orders/\(id)") }
        }
        let labels = #"{http_request_method="GET",http_route="/orders/{id}"}"#
        #expect(lines.contains("http_server_request_duration_seconds_count\(labels) 2"))
        let sum = lines.first { $0.hasPrefix("http_server_request_duration_seconds_sum\(labels) ") }
        let seconds = try #require(sum?.split(separator: " ").last.flatMap { Double($0) })
        #expect(seconds > 0)
    }

    @Test("whatever clients ask for, paths that lead nowhere are one series, and methods that nobody knows another")
    func cardinality() async throws {
        let lines = try await counted { url async throws in
            for number in 0..<20 { _ = try await ask("\(url)/nothing/\(number)") }
            for method in [HTTPMethod.PROPFIND, .MKCOL, .COPY, .LOCK] {
                _ = try await ask("\(url)/orders/1", by: method)
            }
        }
        let expected = [count("GET", "unknown", 404, 20), count("_OTHER", "unknown", 404, 4)]
        #expect(lines.filter { $0.hasPrefix("http_server_requests_total{") } == expected)
        #expect(lines.count { $0.hasPrefix("http_server_request_duration_seconds_count{") } == 2)
    }

    @Test("requests of those who look after a process are not counted")
    func operators() async throws {
        let lines = try await counted { url async throws in
            for path in ["/metrics", "/health/live", "/health/ready"] {
                #expect(try await ask(url + path).status == 200)
            }
        }
        #expect(!lines.contains { $0.hasPrefix("http_") })
    }

    @Test("the article on metrics tells each metric of the programs with its name, kind, unit and labels, and no other")
    func article() throws {
        let told = try DocumentedMetric.all().filter(\.isOfPrograms)
        let declared = Metric.ofPrograms.map {
            DocumentedMetric(name: $0.name, kind: $0.kind.rawValue, unit: $0.unit, labels: $0.labels)
        }
        #expect(Set(told).symmetricDifference(declared).isEmpty)
        #expect(told.count == declared.count)
    }
}
