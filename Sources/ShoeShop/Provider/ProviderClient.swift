import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Tracing

/// Posts JSON to one address of a provider: what the clients of all providers have in common.
///
/// A request is sent once. Whoever calls decides about trying again, with the same idempotency key.
struct ProviderClient: Sendable {
    let name: String
    private let path: String
    /// Read once: that costs as much as a tenth of a call.
    private let url: URL?
    /// For the whole exchange, from waiting for a connection to the last byte of the answer.
    private let deadline: Duration

    init(name: String, baseURL: String, path: String, deadline: Duration) {
        self.name = name
        self.path = path
        self.url = URL(string: baseURL + path)
        self.deadline = deadline
    }

    /// A provider's answers are small; more than this is none of them.
    private static let longestAnswer = 64 * 1024

    /// - Throws: `ProviderError` when there is no complete answer in time.
    func post(_ body: some Encodable, key: String) async throws(ProviderError) -> ProviderAnswer {
        let exchange = ProviderExchange(provider: name, request: "POST \(path)", idempotencyKey: key)
        let call = ProviderCall(exchange, url)
        defer { call.end() }
        do {
            guard let url else { throw HTTPClientError.invalidURL }
            let headers = ["Content-Type": "application/json", "Idempotency-Key": key].merging(call.headers) { own, _ in
                own
            }
            let request = try HTTPClient.Request(
                url: url, method: .POST,
                headers: HTTPHeaders(headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }),
                body: .byteBuffer(ByteBuffer(bytes: try Self.encoder.encode(body))))
            let response = try await send(request)
            call.answered(with: Int(response.status.code))
            let answer = response.body.map { Data($0.readableBytesView) } ?? Data()
            return ProviderAnswer(exchange: exchange, status: Int(response.status.code), body: answer)
        } catch {
            call.failed(error)
            throw exchange.failure(ProviderError.Kind(of: error), "\(error)")
        }
    }

    /// By the form of the client whose deadline holds until the end of the answer, and not only of its head.
    private func send(_ request: HTTPClient.Request) async throws -> HTTPClient.Response {
        let exchange = Self.http.execute(
            request: request, delegate: ResponseAccumulator(request: request, maxBodySize: Self.longestAnswer),
            deadline: .now() + TimeAmount(deadline))
        return try await withTaskCancellationHandler {
            try await exchange.get()
        } onCancel: {
            exchange.cancel()
        }
    }

    private static let encoder = JSONEncoder()

    /// One for the whole process and for its whole life: connections are kept alive and shared by the providers.
    ///
    /// On one thread: where a request and its connection are on different ones, a provider that answers before it has read the
    /// request, and hangs up, ends the process (`HTTP1Connections.releaseConnection` of async-http-client 1.37.0: the end of the
    /// body is told to the connection a turn of its loop too late, when it is gone). A second thread brought no throughput.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(3)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 128
        // A refused connection is news for the caller at once; the queue decides when to try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        // `ProviderCall` is the span of a call.
        configuration.tracing.tracer = nil
        return HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton.next(), configuration: configuration)
    }()
}
