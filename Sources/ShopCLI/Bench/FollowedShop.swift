import Benchmarks
import Foundation
import LocalPostgres
import MessageQueue
import Postgres
import ShoeShop
import ShopProcesses

/// Two APIs over a server of their own, each of which may be ended, and comes again.
struct FollowedShop: Sendable {
    let database: Database
    let apis: [Member]
    let doors: [String]
    private let server: LocalPostgres

    static func with<T: Sendable>(
        _ lab: Lab, _ body: @escaping @Sendable (FollowedShop) async throws -> T
    ) async throws -> T {
        let server = LocalPostgres(directory: "\(lab.folder)/followed-\(UUID().uuidString.prefix(8))")
        let watch = try await server.removeWithThisProcess()
        let result: Result<T, any Error>
        do { result = .success(try await open(server, in: lab, body)) } catch { result = .failure(error) }
        try await server.stop()
        try watch.standDown()
        return try result.get()
    }

    private static func open<T: Sendable>(
        _ server: LocalPostgres, in lab: Lab, _ body: @escaping @Sendable (FollowedShop) async throws -> T
    ) async throws -> T {
        let conninfo = try await server.start()
        return try await Database.lend(conninfo) { database in
            try await Shop.installSamples(in: database)
            let ports = try (0..<2).map { _ in
                guard let port = Ports.anyFree() else { throw BenchmarkFailure("no port is free") }
                return port
            }
            let apis = try ports.enumerated().map { number, port in
                let folder = ShopFolder("\(lab.folder)/followed-api-\(number)-\(UUID().uuidString.prefix(8))")
                try folder.prepare()
                let environment = ["DATABASE_URL": conninfo, "PORT": "\(port)", "LOG_LEVEL": "critical"]
                return try Member("order-api", in: folder, environment: environment)
            }
            let shop = FollowedShop(
                database: database, apis: apis, doors: ports.map { "http://127.0.0.1:\($0)" }, server: server)
            let crew = Crew(members: apis, processGroup: lab.processGroup, screen: Screen(isForProgram: true))
            return try await crew.serve {
                for api in apis { try await api.ready() }
                return try await body(shop)
            }
        }
    }

    private func process(_ number: Int) throws -> Int32 { try apis[number].processNumber() }

    func signal(_ number: Int, _ signal: Int32) throws { kill(try process(number), signal) }

    /// Bytes of its own.
    func memory(_ number: Int) throws -> Int { ProcessUse.memory(of: try process(number)) }

    /// Seconds that it has used so far.
    func processor(_ number: Int) throws -> Double { ProcessUse.seconds(of: try process(number)) }

    func restartServer() async throws {
        try await server.stop()
        _ = try await server.start()
    }
}
