import HTTPTypes
import HostNames
import Hummingbird
import Logging
import NIOCore

/// Who is told of a process's health and metrics.
public enum OperationsFrom: String, SettingValue, CaseIterable {
    /// Programs of this machine, which come over the loopback interface and ask by a name that means it.
    case loopback
    /// Whoever reaches the port: probes and scrapers of other machines, and everybody else.
    case anywhere

    /// What the log says of it at the start.
    var notice: Logger.Message {
        switch self {
        case .loopback: "health and metrics are told to programs of this machine only"
        case .anywhere: "health and metrics are told to whoever reaches the port"
        }
    }
}

/// Keeps health and metrics to programs of this machine: for everybody else there is nothing at their paths.
///
/// What comes over the loopback interface may still be asked for somebody else: by a browser for a site that lets its
/// name point here (DNS rebinding), or by a proxy. The name that is asked for tells the one, what proxies add the other.
struct OperationsGuard<Context: RemoteAddressRequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard context.remoteAddress?.isLoopback == true, request.asksThisMachine else { throw HTTPError(.notFound) }
        return try await next(request, context)
    }
}

extension Request {
    fileprivate var asksThisMachine: Bool {
        guard let host = head.authority.map({ HostName($0) }), host.isLoopback || host.isUnspecified else {
            return false
        }
        return !HTTPField.Name.ofProxies.contains { headers.contains($0) }
    }
}

extension HTTPField.Name {
    fileprivate static let ofProxies = ["Forwarded", "X-Forwarded-For"].compactMap { HTTPField.Name($0) }
}

extension SocketAddress {
    /// Whether it is of the loopback interface; an IPv4 address may come as an IPv6 one (RFC 4291, section 2.5.5.2).
    var isLoopback: Bool {
        guard let ipAddress else { return false }
        return ipAddress == "::1" || ipAddress.hasPrefix("127.") || ipAddress.hasPrefix("::ffff:127.")
    }
}
