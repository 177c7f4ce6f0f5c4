import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// Posts JSON to one provider: what the clients of all providers have in common.
///
/// A request is sent once. Whoever calls decides about trying again, with the same idempotency key.
struct ProviderClient: Sendable {
    let name: String
    let baseURL: String
    /// For the whole exchange, from waiting for a connection to the last byte of the answer.
    let deadline: Duration

    /// A provider's answers are small; more than this is none of them.
    private static let longestAnswer = 64 * 1024

    /// - Throws: `ProviderError` when there is no complete answer in time.
    func post(_ path: String, _ body: some Encodable, key: String) async throws(ProviderError) -> ProviderAnswer {
        let exchange = ProviderExchange(provider: name, request: "POST \(path)", idempotencyKey: key)
        do {
            var request = HTTPClientRequest(url: baseURL + path)
            request.method = .POST
            request.headers = ["Content-Type": "application/json", "Idempotency-Key": key]
            request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
            let (status, bytes) = try await send(request)
            return ProviderAnswer(exchange: exchange, status: Int(status), body: bytes)
        } catch {
            throw exchange.failure(ProviderError.Kind(of: error), "\(error)")
        }
    }

    private func send(_ request: HTTPClientRequest) async throws -> (UInt, Data) {
        try await withThrowingTaskGroup { group in
            group.addTask {
                // The client's own deadline ends with the head of the answer, so ours is around all of it.
                let response = try await Self.http.execute(request, deadline: .distantFuture)
                let body = try await response.body.collect(upTo: Self.longestAnswer)
                return (response.status.code, Data(body.readableBytesView))
            }
            group.addTask {
                try await Task.sleep(for: deadline)
                throw HTTPClientError.deadlineExceeded
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    /// One for the whole process and for its whole life: connections are kept alive and shared by the providers.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(1)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        // A refused connection is news for the caller at once; the queue decides when to try again.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: configuration)
    }()
}
