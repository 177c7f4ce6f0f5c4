import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import ShoeShop

/// The shop's HTTP API, as customers call it: each request once, with a deadline.
struct ShopCalls: Sendable {
    enum Answer: Sendable {
        /// With the order's id, where the answer has one.
        case yes(OrderID?)
        /// Status 400 to 499: asking again can't help.
        case no(Int)
        /// Any other status, or none at all.
        case trouble
    }

    let address: String
    private let client: HTTPClient
    private static let limit = TimeAmount.seconds(10)

    /// Lends calls over as many connections as there are customers at the same time.
    static func lend<T: Sendable>(to address: String, _ body: (ShopCalls) async throws -> T) async throws -> T {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(2)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroup: .singletonMultiThreadedEventLoopGroup, configuration: configuration)
        do {
            let value = try await body(ShopCalls(address: address, client: client))
            try await client.shutdown()
            return value
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    /// What every answer about an order begins with.
    private struct Order: Decodable { let id: OrderID }

    func submit(_ order: Data, key: String) async -> Answer {
        await post("/orders", order, headers: ["Content-Type": "application/json", "Idempotency-Key": key])
    }

    func cancel(_ order: OrderID) async -> Answer { await post("/orders/\(order)/cancel", nil, headers: [:]) }

    private func post(_ path: String, _ body: Data?, headers: [String: String]) async -> Answer {
        var request = HTTPClientRequest(url: address + path)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        do {
            let response = try await client.execute(request, timeout: Self.limit)
            let body = try await response.body.collect(upTo: 1 << 20)
            switch response.status.code {
            case 200..<300: return .yes(try? JSONDecoder().decode(Order.self, from: Data(body.readableBytesView)).id)
            case 400..<500: return .no(Int(response.status.code))
            default: return .trouble
            }
        } catch {
            return .trouble
        }
    }
}
