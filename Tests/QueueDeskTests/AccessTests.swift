import HTTPTypes
import Hummingbird
import Logging
import MessageQueue
import NIOCore
import NIOHTTP1
import Postgres
import QueueDesk
import ServiceLifecycle
import TestSupport
import Testing

/// Of a desk in an app of somebody else's.
extension DeskTests {
    @Test("an app's own login says who may read and who may change, and whoever it doesn't know is turned away")
    func ownLogin() async throws {
        let access = Access.custom { request in
            switch request.headers[.cookie] {
            case "login=ada": Visitor("ada", .operator)
            case "login=bob": Visitor("bob", .viewer)
            default: nil
            }
        }
        try await Self.served(access) { address, broker async throws in
            func status(_ method: HTTPMethod, _ path: String, _ cookie: String) async throws -> Int {
                let headers = HTTPHeaders([("Cookie", cookie), ("Sec-Fetch-Site", "same-origin")])
                return try await Desk.send(method, to: address + path, headers: headers).status
            }
            for stranger in ["", "login=eve"] {
                #expect(try await status(.GET, "/queues/payment", stranger) == 401)
                #expect(try await status(.POST, "/queues/payment/pause", stranger) == 401)
            }
            #expect(try await status(.GET, "/queues/payment", "login=bob") == 200)
            #expect(try await status(.POST, "/queues/payment/pause", "login=bob") == 403)
            #expect(try await broker.operatorActions().isEmpty)
            #expect(try await status(.POST, "/queues/payment/pause", "login=ada") == 303)
            #expect(try await broker.operatorActions().map(\.by?.name) == ["ada"])
        }
    }

    /// On a free port of the loopback interface.
    private static func served(
        _ access: Access, _ body: @escaping @Sendable (_ address: String, Broker) async throws -> Void
    ) async throws {
        try await TestDatabase.with(.desk) { database in
            let broker = Broker(database)
            let desk = QueueDesk(broker, options: .init(access: access))
            let router = Router()
            desk.addRoutes(to: router)
            let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
            let application = Application(
                router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) })
            let group = ServiceGroup(services: [desk, application], logger: Logger(label: "test"))
            try await withThrowingTaskGroup { tasks in
                tasks.addTask { try await group.run() }
                let port = try #require(await ports.first { _ in true })
                try await body("http://127.0.0.1:\(port)", broker)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
        }
    }
}
