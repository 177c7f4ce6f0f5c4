import AsyncHTTPClient
import CoreMetrics
import Hummingbird
import Launch
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import TestSupport
import Testing

@Suite("Operations routes")
struct OperationsTests {
    private let registry = PrometheusMetrics()
    private let operations: Operations

    init() { operations = Operations(metrics: registry) }

    /// Serves the routes on a free port of the loopback interface while `body` runs.
    private func served(_ body: (String) async throws -> Void) async throws {
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let router = Router()
        operations.addRoutes(to: router)
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) })
        let group = ServiceGroup(services: [application], logger: Logger(label: "test"))
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            let port = try #require(await ports.first { _ in true })
            try await body("http://127.0.0.1:\(port)")
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    private func get(_ url: String) async throws -> (status: UInt, body: String) {
        let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(120))
        let body = try await response.body.collect(upTo: 1 << 20)
        return (response.status.code, String(buffer: body))
    }

    private struct Closed: Error, CustomStringConvertible { let description = "the pool is closed" }

    @Test("a process without checks is live and ready")
    func ready() async throws {
        try await served { url async throws in
            #expect(try await get(url + "/health/live").status == 200)
            #expect(try await get(url + "/health/ready") == (200, #"{"status":"ok"}"#))
        }
    }

    @Test("readiness names each failing check with its reason, and liveness does not depend on it")
    func notReady() async throws {
        operations.readiness("database") { throw Closed() }
        operations.readiness("provider") {}
        try await served { url async throws in
            let answer = try await get(url + "/health/ready")
            #expect(answer.status == 503)
            #expect(answer.body == #"{"failures":{"database":"the pool is closed"},"status":"unavailable"}"#)
            #expect(try await get(url + "/health/live").status == 200)
        }
    }

    @Test("readiness comes back when the failing check passes again")
    func recovers() async throws {
        operations.readiness("database") { throw Closed() }
        try await served { url async throws in
            #expect(try await get(url + "/health/ready").status == 503)
            operations.readiness("database") {}
            // On a busy machine even this check may not be answered in time, once.
            try await eventually("it is ready") { try await get(url + "/health/ready").status == 200 }
        }
    }

    @Test("a check that never answers makes the process unready instead of hanging the request")
    func hangingCheck() async throws {
        operations.readiness("database") { try await Task.sleep(for: .seconds(3600)) }
        try await served { url async throws in
            #expect(try await get(url + "/health/ready").body.contains(#""database":"no answer within 2 s""#))
        }
    }

    @Test("metrics are refreshed for each request for them")
    func metrics() async throws {
        let depth = registry.makeMeter(label: "depth", dimensions: [])
        operations.beforeMetrics { depth.increment(by: 1) }
        try await served { url async throws in
            #expect(try await get(url + "/metrics").body == "# TYPE depth gauge\ndepth 1\n")
            #expect(try await get(url + "/metrics").body == "# TYPE depth gauge\ndepth 2\n")
        }
    }
}
