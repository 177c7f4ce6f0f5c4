import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import ShoeShop
import TestSupport
import Testing

extension SystemTests {
    @Test(
        "the spans of an order, from the customer's own on, reach a collector as one trace through API, steps and providers"
    )
    func traces() async throws {
        try await Collector.with { collector in
            try await TestDatabase.with(.openShop) { database in
                try await TestProcess.withSandbox(conninfo: database.conninfo) { sandbox, environment in
                    let traced =
                        environment
                        .mapValues { $0.replacing("http://", with: "http://shop:sesame@") }
                        .merging(["OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint]) { $1 }
                    try await TestProcess.with("order-api", environment: traced) { api in
                        let shop = ShopUnderTest(database: database, api: api, sandbox: sandbox, environment: traced)
                        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
                        try await shop.start(ShopUnderTest.workers[...]) { _ in
                            // Alone: of a batch of several, only links lead to each.
                            _ = try await shop.order(traceparent: "00-\(trace)-00f067aa0ba902b7-01")
                            try await shop.dispatched(1)
                            let unwanted = String(repeating: "a", count: 32)
                            _ = try await shop.order(traceparent: "00-\(unwanted)-00f067aa0ba902b7-00")
                            _ = try await shop.order(traceparent: "nonsense")
                            try await shop.dispatched(3)
                            try await expect(trace, from: collector)
                        }
                    }
                }
            }
        }
    }

    private func expect(_ trace: String, from collector: Collector) async throws {
        let wanted = [
            "order-api": 2, "order-worker": 5, "stock-worker": 5, "payment-worker": 5, "logistics-worker": 5,
        ]
        let spans = try await eventually("every process has told its spans", within: .seconds(60)) {
            let spans = try collector.spans().filter { $0.trace == trace }
            let kinds = Dictionary(grouping: spans, by: \.service).mapValues { $0.map(\.kind) }
            let hasAll = wanted.allSatisfy { kinds[$0.key]?.contains($0.value) == true }
            return hasAll && spans.contains { $0.name == "POST /bookings logistics" } ? spans : nil
        }
        let ids = Set(spans.map(\.id))
        #expect(ids.count == spans.count && spans.allSatisfy { $0.nanoseconds >= 0 })
        let root = try #require(spans.first { $0.service == "order-api" })
        #expect(root.parent == "00f067aa0ba902b7" && root.attributes["http.response.status_code"] == "202")
        for call in spans.filter({ $0.kind == 3 }) {
            #expect(ids.contains(call.parent), "a provider is called within the span of its step")
            #expect(call.attributes["http.request.method"] == "POST")
            #expect(!"\(call.attributes)".contains("sesame"), "what lets somebody in is told nobody")
        }
        let all = try collector.spans()
        #expect(!all.contains { $0.trace.hasPrefix("aaaa") }, "whoever began it does not want it recorded")
        #expect(!all.contains { $0.name == "POST" }, "telling is not told")
        #expect(!all.contains { $0.name.contains("health") || $0.name.contains("metrics") })
    }

    @Test("a collector that is away costs spans, and no order")
    func noCollector() async throws { try await expectOrders(without: "http://127.0.0.1:9") {} }

    @Test("a collector that refuses spans, or takes them and never answers, costs spans, and no order")
    func badCollector() async throws {
        for conduct in ["refuses", "hangs"] {
            try await Collector.with(conduct) { collector in
                try await expectOrders(without: collector.endpoint) {
                    try await eventually("it is asked, and \(conduct)") { collector.wasAsked }
                }
            }
        }
    }

    /// Twenty orders, most of them after `meeting`, when the collector has been met.
    private func expectOrders(
        without endpoint: String, _ meeting: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await TestDatabase.with(.openShop) { database in
            let environment = [
                "DATABASE_URL": database.conninfo, "LOG_LEVEL": "critical", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            ]
            try await TestProcess.with("order-api", environment: environment) { api in
                let shop = ShopUnderTest(database: database, api: api, sandbox: api, environment: environment)
                _ = try await shop.order(traceparent: nil)
                try await meeting()
                for _ in 1..<20 { _ = try await shop.order(traceparent: nil) }
                try await eventually("what was not taken is counted", within: .seconds(60)) {
                    let metrics = try await shop.http(.GET, "\(api.addresses["address"] ?? "")/metrics").body
                    let text = String(decoding: metrics, as: UTF8.self)
                    return text.contains(#"otlp_spans_total{outcome="refused"} 20"#) ? () : nil
                }
            }
        }
    }
}

extension ShopUnderTest {
    fileprivate func dispatched(_ count: Int) async throws {
        try await eventually("\(count) are dispatched", within: .seconds(120)) {
            try await self.count(status: "dispatched") == count ? () : nil
        }
    }

    fileprivate func order(traceparent: String?) async throws -> Int {
        var request = HTTPClientRequest(url: "\(api.addresses["address"] ?? "")/orders")
        request.method = .POST
        request.headers = ["Content-Type": "application/json"]
        if let traceparent { request.headers.add(name: "traceparent", value: traceparent) }
        request.body = .bytes(
            ByteBuffer(
                string: """
                    {"customer": {"name": "Ada", "email": "ada@example.com"}, "paymentToken": "tok_visa",
                     "address": {"recipient": "Ada", "street": "Way 1", "city": "Bonn", "postcode": "53111", "country": "DE"},
                     "lines": [{"sku": "RUNNER-42-TAN", "quantity": 1}]}
                    """))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
        try #require(response.status == .accepted)
        return Int(response.status.code)
    }
}

/// Whatever takes spans in, in a process of its own.
private struct Collector: Sendable {
    let folder: String
    let endpoint: String

    struct Span: Decodable {
        let service, trace, id, parent, name: String
        let kind, status: Int
        let nanoseconds: Int64
        let attributes: [String: String?]
        let links, events: [String]
    }

    static func with(
        _ conduct: String = "takes", _ body: @escaping @Sendable (Collector) async throws -> Void
    ) async throws {
        let tests = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let library = tests.appending(path: "../../.build-otlp").standardized.path
        try #require(FileManager.default.fileExists(atPath: library), "scripts/install --tests")
        let folder = "/tmp/shoeshop-collector-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = tests.appending(path: "otlp_receiver.py").path
        let start = ["PYTHONPATH=\(library)", "python3", script, folder, conduct]
        try await TestProcess.withProgram("/usr/bin/env", start) {
            let port = try await eventually("it listens") {
                try? String(contentsOfFile: folder + "/port", encoding: .utf8)
            }
            try await body(Collector(folder: folder, endpoint: "http://127.0.0.1:\(port)"))
        }
    }

    /// Where it takes nothing: whether anybody has come yet.
    var wasAsked: Bool { FileManager.default.fileExists(atPath: folder + "/asked") }

    func spans() throws -> [Span] {
        let data = FileManager.default.contents(atPath: folder + "/spans") ?? Data()
        // The last line may still be written.
        return data.split(separator: UInt8(ascii: "\n")).compactMap {
            try? JSONDecoder().decode(Span.self, from: Data($0))
        }
    }
}
