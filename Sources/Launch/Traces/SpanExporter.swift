import AsyncHTTPClient
import Foundation
import Logging
import MessageQueue
import Metrics
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization

/// Sends spans that have ended to a collector, as OTLP over HTTP, once a second. Work never waits for it: what is more than it can keep
/// is dropped, and so is what the collector does not take.
final class SpanExporter: Service {
    private let url: String
    private let encoding: SpanEncoding
    private let logger: Logger
    private let waiting = Mutex<[FinishedSpan]>([])
    private let exported = Counter(label: "otlp_spans_total", dimensions: [("outcome", "exported")])
    private let dropped = Counter(label: "otlp_spans_total", dimensions: [("outcome", "dropped")])
    private let refused = Counter(label: "otlp_spans_total", dimensions: [("outcome", "refused")])

    private static let most = 8192
    private static let batch = 512
    private static let pause = Duration.seconds(1)
    private static let limit = TimeAmount.seconds(5)
    private static let longestAnswer = 64 * 1024

    /// - Parameter endpoint: of the collector, without the path, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it.
    init(endpoint: String, service: String, logger: Logger) {
        url = (endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint) + "/v1/traces"
        let process = ProcessInfo.processInfo
        encoding = SpanEncoding(
            resource: [
                "service.name": service, "service.version": Broker.libraryVersion, "host.name": process.hostName,
                "service.instance.id": "\(process.hostName):\(process.processIdentifier)",
                "process.pid": "\(process.processIdentifier)",
            ], version: Broker.libraryVersion)
        self.logger = logger
    }

    func add(_ span: FinishedSpan) {
        let isKept = waiting.withLock { waiting in
            guard waiting.count < Self.most else { return false }
            waiting.append(span)
            return true
        }
        if !isKept { dropped.increment() }
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.pause)
                await self.flush()
            }
        }
        await flush()
    }

    private func flush() async {
        while case let spans = take(), !spans.isEmpty {
            do {
                try await send(spans)
                exported.increment(by: spans.count)
            } catch {
                refused.increment(by: spans.count)
                logger.info("spans were not taken", metadata: ["error": "\(error)", "spans": "\(spans.count)"])
                return
            }
        }
    }

    private func take() -> [FinishedSpan] {
        waiting.withLock { waiting in
            let spans = Array(waiting.prefix(Self.batch))
            waiting.removeFirst(spans.count)
            return spans
        }
    }

    private func send(_ spans: [FinishedSpan]) async throws {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = ["Content-Type": "application/x-protobuf"]
        request.body = .bytes(ByteBuffer(bytes: encoding.request(of: spans)))
        let answer = try await Self.http.execute(request, timeout: Self.limit)
        _ = try await answer.body.collect(upTo: Self.longestAnswer)
        guard (200..<300).contains(answer.status.code) else { throw Refusal(status: Int(answer.status.code)) }
    }

    /// One that makes no spans of its own requests, which would be told in turn, for ever. Lives as long as the process.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.tracing.tracer = nil
        return HTTPClient(configuration: configuration)
    }()

    private struct Refusal: Error, CustomStringConvertible {
        let status: Int
        var description: String { "the collector answered \(status)" }
    }
}
