import AsyncHTTPClient
import Benchmarks
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import QueueGateway
import ShopProcesses

/// A gateway as a process, over a database of its own, and the same queues as the library has them.
struct GatewayRun: Sendable {
    let address: String
    let broker: Broker
    let database: Database
    let credentials: Credentials
    private let process: Member

    /// As many as the gateway has by itself.
    private static let connections = 4

    static func with<T: Sendable>(
        _ lab: Lab, _ body: @escaping @Sendable (GatewayRun) async throws -> T
    ) async throws -> T {
        try await lab.withDatabase(connections: connections) { database in
            guard let port = Ports.anyFree() else { throw BenchmarkFailure("no port is free") }
            let (text, folder) = (GatewaySecret.random(), ShopFolder("\(lab.folder)/gateway-\(UUID().uuidString)"))
            guard let secret = GatewaySecret(text) else { throw BenchmarkFailure("a made secret is none") }
            try folder.prepare()
            let gateway = try Member(
                "message-gateway", in: folder,
                environment: [
                    "DATABASE_URL": database.conninfo, "PORT": "\(port)", "GATEWAY_SECRET_KEY": text,
                    "LOG_LEVEL": "critical",
                ])
            let crew = Crew(members: [gateway], processGroup: lab.processGroup, screen: Screen(isForProgram: true))
            return try await crew.serve {
                try await gateway.ready()
                let broker = Broker(database)
                return try await body(
                    GatewayRun(
                        address: "http://127.0.0.1:\(port)", broker: broker, database: database,
                        credentials: try await secret.makeKey(label: "bench", on: broker),
                        process: gateway))
            }
        }
    }

    func signed(
        _ method: String, _ target: String, _ body: String? = nil, to service: SignedRequest.Service = .mns
    ) throws -> SignedRequest {
        try SignedRequest(method, target, body, to: service, by: credentials)
    }

    /// Lends a client, through which many may ask at the same time.
    static func withClient<T: Sendable>(_ body: (HTTPClient) async throws -> T) async throws -> T {
        let http = FollowerCrowd.http()
        let result: Result<T, any Error>
        do { result = .success(try await body(http)) } catch { result = .failure(error) }
        try await http.shutdown()
        return try result.get()
    }

    func demand(_ status: UInt, _ signed: SignedRequest, through http: HTTPClient) async throws {
        let answer = try await ask(signed, through: http)
        guard answer.status == status else {
            throw BenchmarkFailure("\(signed.method) \(signed.target) was answered \(answer.status): \(answer.text)")
        }
    }

    /// - Returns: the answer's status and text.
    func ask(_ signed: SignedRequest, through http: HTTPClient) async throws -> (status: UInt, text: String) {
        var request = HTTPClientRequest(url: address + signed.target)
        request.method = HTTPMethod(rawValue: signed.method)
        request.headers = HTTPHeaders(signed.headers.map { ($0.name, $0.value) })
        if let body = signed.body { request.body = .bytes(ByteBuffer(string: body)) }
        let answer = try await http.execute(request, timeout: .seconds(60))
        return (answer.status.code, String(buffer: try await answer.body.collect(upTo: 1 << 20)))
    }

    /// Bytes of the gateway's own.
    func memory() throws -> Int { ProcessUse.memory(of: try process.processNumber()) }
}
