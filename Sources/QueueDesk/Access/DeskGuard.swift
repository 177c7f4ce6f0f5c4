import HTTPTypes
import HostNames
import Hummingbird
import Logging
import NIOCore

/// What every request to the desk passes: under which name it came, who makes it, whether a page of another site did; and the
/// headers of every answer.
struct DeskGuard<Context: RequestContext>: RouterMiddleware {
    private let options: QueueDesk.Options
    private let logger: Logger

    init(_ options: QueueDesk.Options, logger: Logger) {
        self.options = options
        self.logger = logger
    }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = await answer(request, context, next)
        // A page of the adopter's own may say more of what it may use.
        for (name, value) in Self.headers where response.headers[name] == nil { response.headers[name] = value }
        return response
    }

    private func answer(
        _ request: Request, _ context: Context, _ next: (Request, Context) async throws -> Response
    ) async -> Response {
        do {
            try checkHost(of: request)
            let visitor = try await visitor(of: request, context)
            return await Visitor.$taken.withValue(visitor) { await answer(request, context, by: visitor, next) }
        } catch {
            return refusal(of: error, request).response(options)
        }
    }

    /// What is refused to somebody who is known is told in the frame that is theirs.
    private func answer(
        _ request: Request, _ context: Context, by visitor: Visitor,
        _ next: (Request, Context) async throws -> Response
    ) async -> Response {
        do {
            if request.method != .get, request.method != .head { try check(request, by: visitor) }
            return try await next(request, context)
        } catch {
            return refusal(of: error, request).response(options)
        }
    }

    /// What nobody here knows how to tell is logged, and found by what the page says.
    private func refusal(of error: any Error, _ request: Request) -> Refusal {
        if let told = Refusal(telling: error) { return told }
        let id = String(UInt32.random(in: .min ... .max), radix: 16)
        logger.info(
            "a request to the desk failed",
            metadata: [
                "id": "\(id)", "method": "\(request.method)", "path": "\(request.uri.path)", "error": "\(error)",
            ])
        return Refusal(error, loggedUnder: id)
    }

    private func checkHost(of request: Request) throws {
        guard isExpected(request.head.authority.map { HostName($0) }) else { throw Refusal.otherHost }
    }

    private func isExpected(_ host: HostName?) -> Bool {
        if let hosts = options.hosts { return host.map { hosts.contains($0.description) } ?? false }
        return !options.access.isLocal || host?.isLoopback == true
    }

    private func visitor(of request: Request, _ context: Context) async throws -> Visitor {
        switch try await options.access.visitor(request) {
        case .visitor(let visitor): return visitor
        case .unknown:
            // A browser asks without one first, to be told that it needs one.
            if request.headers[.authorization] != nil { note("a log-in at the desk failed", request, context) }
            throw Refusal.unknown
        case .tooMany:
            note("a log-in at the desk was not looked at: too many fail", request, context)
            throw Refusal.tooMany
        }
    }

    /// Never with what was shown: it may be nearly right.
    private func note(_ text: Logger.Message, _ request: Request, _ context: Context) {
        let peer = (context as? any RemoteAddressRequestContext)?.remoteAddress?.ipAddress
        logger.info(
            text,
            metadata: [
                "peer": "\(peer ?? "unknown")", "forwarded": "\(request.headers[.forwardedFor] ?? "no")",
                "path": "\(request.uri.path)",
            ])
    }

    /// Browsers say with every form which site it comes from; `Sec-Fetch-Site` where they know it, else `Origin`. What says
    /// neither is no browser's form, and isn't taken. See "Fetch Metadata" in OWASP's Cross-Site Request Forgery Prevention
    /// Cheat Sheet. Nothing has to be remembered for it, so any desk behind a balancer takes any form.
    private func check(_ request: Request, by visitor: Visitor) throws {
        guard visitor.role == .operator else { throw Refusal.onlyReads }
        if let site = request.headers[.secFetchSite] {
            guard site == "same-origin" else { throw Refusal.otherSite }
        } else {
            let origin = request.headers[.origin]?.split(separator: "://", maxSplits: 1).last.map(String.init)
            guard let origin, origin == request.head.authority else { throw Refusal.otherSite }
        }
    }

    private static var headers: [(HTTPField.Name, String)] {
        [
            (
                .contentSecurityPolicy,
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
                    + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            (.xContentTypeOptions, "nosniff"), (.referrerPolicy, "same-origin"), (.cacheControl, "no-store"),
            (.crossOriginOpenerPolicy, "same-origin"), (.crossOriginResourcePolicy, "same-origin"),
        ]
    }
}

extension HTTPField.Name {
    static let forwardedFor = Self("X-Forwarded-For").unsafelyUnwrapped
    static let secFetchSite = Self("Sec-Fetch-Site").unsafelyUnwrapped
    static let referrerPolicy = Self("Referrer-Policy").unsafelyUnwrapped
    static let crossOriginOpenerPolicy = Self("Cross-Origin-Opener-Policy").unsafelyUnwrapped
}
