import Foundation
import HTTPTypes
public import Hummingbird

extension Operations {
    /// Adds `GET /metrics`, `/health/live` and `/health/ready` to any router.
    ///
    /// Guarantee: where only ``OperationsFrom/loopback`` may ask, everybody else gets 404, as if there were nothing.
    ///
    /// `/health/ready` answers 503 while a check fails, with the reasons: `{"status":"unavailable","failures":{…}}`.
    public func addRoutes<Context: RemoteAddressRequestContext>(
        to router: some RouterMethods<Context>, from askers: OperationsFrom = .loopback
    ) {
        let routes = router.group()
        if askers == .loopback { routes.add(middleware: OperationsGuard()) }
        routes.get("metrics") { [self] _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: await exposition())))
        }
        routes.get("health/live") { _, _ in try Health(status: "ok").response(.ok) }
        routes.get("health/ready") { [self] _, _ in
            let failures = await failures()
            return failures.isEmpty
                ? try Health(status: "ok").response(.ok)
                : try Health(status: "unavailable", failures: failures).response(.serviceUnavailable)
        }
    }
}

extension Request {
    /// Whether operators look after the process with it.
    var isOfOperators: Bool { uri.path == "/metrics" || uri.path.hasPrefix("/health/") }
}

private struct Health: Encodable {
    let status: String
    var failures: [String: String]?

    func response(_ status: HTTPResponse.Status) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let body = try encoder.encode(self)
        return Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}
