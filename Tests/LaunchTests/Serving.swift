import AsyncHTTPClient
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

/// Serves the routes on a free port of the loopback interface while `body` runs.
func serving<Context: RequestContext>(
    _ router: Router<Context>, _ body: (String) async throws -> Void
) async throws where Context.Source == ApplicationRequestContextSource {
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
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

func ask(
    _ url: String, by method: HTTPMethod = .GET, _ headers: HTTPHeaders = [:]
) async throws -> (status: UInt, body: String) {
    var request = HTTPClientRequest(url: url)
    request.method = method
    request.headers = headers
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
    let body = try await response.body.collect(upTo: 1 << 20)
    return (response.status.code, String(buffer: body))
}
