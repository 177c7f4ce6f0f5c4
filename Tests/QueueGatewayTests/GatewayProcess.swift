import AsyncHTTPClient
import Foundation
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import QueueGateway
import Subprocess
import TestSupport
import Testing

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// Every test here runs a process of its own; on a small machine many at once would only starve each other.
@Suite("message-gateway", .serialized, .timeLimit(.minutes(15)))
struct GatewayTests {}

/// A running gateway, a key for it, and the queues behind it.
struct GatewayProcess: Sendable {
    let address: String
    let credentials: Credentials
    let broker: Broker
    let database: Database
    let process: TestProcess

    static let secretKey = String(repeating: "secret of tests ", count: 2)

    static func with(
        _ environment: [String: String] = [:], _ body: @escaping @Sendable (GatewayProcess) async throws -> Void
    ) async throws {
        try await TestDatabase.with(.gateway) { database in
            let broker = Broker(database)
            let secret = try #require(GatewaySecret(secretKey))
            let credentials = try await secret.makeKey(label: "tests", on: broker)
            try await start(on: database, environment) { process in
                try await body(
                    GatewayProcess(
                        address: process.addresses["address"] ?? "", credentials: credentials, broker: broker,
                        database: database, process: process))
            }
        }
    }

    /// One more on the same database.
    static func start(
        on database: Database, _ environment: [String: String] = [:],
        _ body: @escaping @Sendable (TestProcess) async throws -> Void
    ) async throws {
        let own = [
            "DATABASE_URL": database.conninfo, "LOG_LEVEL": "error", "GATEWAY_SECRET_KEY": secretKey,
        ]
        try await TestProcess.with("message-gateway", environment: own.merging(environment) { $1 }, body)
    }

    /// Runs a function of a script with one of Alibaba's clients, or with what is in another folder of the build's, and records what it
    /// says when it fails.
    func run(
        _ function: String, of script: String, with client: String, as other: Credentials? = nil,
        _ more: [Environment.Key: String?] = [:]
    ) async throws {
        let key = other ?? credentials
        let tests = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        let folder = client.hasPrefix(".build") ? client : ".build-clients/\(client)"
        let clients = tests.appending(path: "../../\(folder)").standardized.path
        try #require(FileManager.default.fileExists(atPath: clients), "run scripts/install --tests")
        let scripts = tests.appending(path: "Clients").path
        let environment: [Environment.Key: String?] = [
            "PYTHONPATH": "\(clients):\(scripts)", "PYTHONDONTWRITEBYTECODE": "1", "GATEWAY": address,
            "ACCESS_ID": key.id, "ACCESS_SECRET": key.secret,
        ]
        let result = try await Subprocess.run(
            .name("python3"), arguments: ["\(scripts)/\(script).py", function],
            environment: .inherit.updating(environment.merging(more) { $1 }), output: .string(limit: 1 << 20),
            error: .string(limit: 1 << 20)
        )
        #expect(
            result.terminationStatus.isSuccess,
            "\(script).\(function): \(result.standardError) \(result.standardOutput)")
    }

    func send(
        _ method: HTTPMethod, _ target: String, _ body: String? = nil, headers: HTTPHeaders = [:]
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: address + target)
        request.method = method
        request.headers = headers
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await Self.http.execute(request, timeout: .seconds(60))
        return Reply(
            status: Int(response.status.code), headers: response.headers,
            text: String(buffer: try await response.body.collect(upTo: 1 << 24)))
    }

    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.httpVersion = .http1Only
        // A gateway that was killed is away: that is told at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2000
        return HTTPClient(configuration: configuration)
    }()
}

struct Reply: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let text: String
}

extension Template {
    static let gateway = Template("gateway", migrations: [.messageQueue])
}
