import NIOHTTP1
import Testing

@testable import QueueGateway

extension GatewayTests {
    @Test("calls are counted by where their paths lead, without the names in them, in whichever dialect they are made")
    func requestMetrics() async throws {
        try await GatewayProcess.with { gateway in
            for name in ["first", "second"] {
                _ = try await gateway.send(.GET, "/v1/queues/\(name)")
                _ = try await gateway.send(.POST, "/queues/\(name)/messages", "<Message/>")
            }
            _ = try await gateway.send(.GET, "/v1/openapi.yaml")
            _ = try await gateway.send(.GET, "/v1/nothing/here")
            let metrics = try await gateway.send(.GET, "/metrics").text
            for counted in [
                #"GET",http_response_status_code="401",http_route="/v1/queues/{name}"} 2"#,
                #"GET",http_response_status_code="200",http_route="/v1/openapi.yaml"} 1"#,
                #"GET",http_response_status_code="401",http_route="unknown"} 1"#,
            ] {
                #expect(metrics.contains(#"http_server_requests_total{http_request_method=""# + counted), "\(metrics)")
            }
            #expect(metrics.contains(/http_server_requests_total\{[^}]*http_route="\/queues\/\{name\}\/messages"\} 2/))
        }
    }
}

@Suite("Where the gateway's paths lead")
struct PathPatternTests {
    @Test(
        "a path is told from others by its words, and names in it are told as one",
        arguments: [
            (["queues"], "/queues"), (["queues", "a"], "/queues/{name}"),
            (["queues", "queues", "messages"], "/queues/{name}/messages"),
            (["queues", "a", "parcels"], nil), (["queues", "a", "messages", "b"], nil), ([], "/"),
            (["topics", "a", "subscriptions", "b"], "/topics/{name}/subscriptions/{name}"),
        ] as [([String], String?)])
    func templates(path: [String], template: String?) {
        let patterns = ["", "queues", "queues/*", "queues/*/messages", "topics/*/subscriptions/*"]
        #expect(patterns.map { PathPattern($0) }.template(of: path) == template)
    }
}
