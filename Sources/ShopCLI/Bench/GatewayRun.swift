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
    private let readyFile: String

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
                        readyFile: gateway.readyFile))
            }
        }
    }

    func signed(_ method: String, _ target: String, _ body: String? = nil) throws -> SignedRequest {
        try SignedRequest(method, target, body, by: credentials)
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

    private struct Note: Decodable { let pid: Int32 }

    /// Bytes of the gateway's own.
    func memory() throws -> Int {
        let note = try JSONDecoder().decode(Note.self, from: try Data(contentsOf: URL(filePath: readyFile)))
        return ProcessUse.memory(of: note.pid)
    }

    /// Transactions a second, our own aside.
    func transactions(over seconds: Double) async throws -> Double {
        let (before, start) = (try await transactions(), ContinuousClock.now)
        try await Task.sleep(for: .seconds(seconds))
        return Double(try await transactions() - before - 1) / start.secondsUntilNow
    }

    private func transactions() async throws -> Int {
        try await database.read("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()") {
            try $0[0, as: Int.self]
        }.first ?? 0
    }
}
