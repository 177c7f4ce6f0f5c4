import Foundation
import HTTPTypes
import Hummingbird
import Launch
import ServiceLifecycle
import ShoeShop
import ShopHTTP

/// Timelines of an order and of a customer: in pages, waiting for the next event, or as server-sent events.
struct FollowRoutes {
    let followers: Followers
    let orders: OrderReader

    private static let longestWait = 30.0

    func add(to router: some RouterMethods<PeerRequestContext>) {
        router.get("orders/:id/events") { request, context in
            let id = try ReadingRoutes.id(in: context)
            guard request.wantsPlaces else {
                guard let events = try await orders.events(of: id) else { throw ReadingRoutes.noSuchOrder }
                return try JSONAnswer.response(events).unstored
            }
            guard try await followers.reader.events(of: id, after: 0, limit: 1) != nil else {
                throw ReadingRoutes.noSuchOrder
            }
            return try await answer(.order(id), request)
        }
        router.get("customers/me/events") { request, _ in
            guard let customer = try await Self.customer(of: request, followers.reader) else { throw Self.unknown }
            return try await answer(.customer(customer), request)
        }
    }

    /// By the token that is shown, as a header or as the cookie of the shop's pages.
    static func customer(of request: Request, _ reader: TimelineReader) async throws -> CustomerID? {
        guard let token = request.customerToken else { return nil }
        return try await reader.customer(with: token)
    }

    static var unknown: Problem {
        Problem(
            .unauthorized, "Show the token that came with your first order.",
            detail: "Send it with Authorization: Bearer.", headers: [.wwwAuthenticate: "Bearer"])
    }

    private func answer(_ subject: Followers.Subject, _ request: Request) async throws -> Response {
        let (asked, last) = (try request.place("after"), try request.lastPlace)
        if request.wantsStream {
            // A browser that lost us asks by the address with which it began, and says how far it has come since.
            return try await stream(subject, max(asked ?? 0, last ?? 0))
        }
        let after = asked ?? last ?? 0
        let wait = min(max(0, try request.number("wait") ?? 0), Self.longestWait)
        return try JSONAnswer.response(try await page(subject, after, waiting: wait)).unstored
    }

    private func page(
        _ subject: Followers.Subject, _ after: Int64, waiting wait: Double
    ) async throws -> [TimelineEvent] {
        guard wait > 0 else { return try await followers.events(subject, after: after) }
        let news = try await followers.follow(subject)
        let page = try await followers.events(subject, after: after)
        if !page.isEmpty { return page }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await word in news.cancelOnGracefulShutdown() {
                    if case .nothing = word { continue }
                    return
                }
            }
            group.addTask { try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(wait)) } }
            await group.next()
            group.cancelAll()
        }
        return try await followers.events(subject, after: after)
    }

    private func stream(_ subject: Followers.Subject, _ after: Int64) async throws -> Response {
        let news = try await followers.follow(subject)
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody { [followers] writer in
                var told = Told(followers: followers, subject: subject, place: after)
                // Who lost us comes again after a second, with the last place that it knows.
                try await writer.write(ByteBuffer(string: "retry: 1000\n\n"))
                try await told.catchUp(&writer)
                for await word in news.cancelOnGracefulShutdown() {
                    switch word {
                    case .nothing: try await writer.write(ByteBuffer(string: ":\n\n"))
                    case .missed: try await told.catchUp(&writer)
                    case .events(let events): try await told.tell(events, &writer)
                    }
                }
                try await writer.finish(nil)
            })
    }
}

/// How far one follower has been told.
private struct Told {
    let followers: Followers
    let subject: Followers.Subject
    var place: Int64

    /// All that is stored after the place.
    mutating func catchUp(_ writer: inout any ResponseBodyWriter) async throws {
        while true {
            let page = try await followers.events(subject, after: place)
            try await tell(page, &writer)
            if page.count < TimelineReader.page { return }
        }
    }

    /// What was told before isn't told again.
    mutating func tell(_ events: [TimelineEvent], _ writer: inout any ResponseBodyWriter) async throws {
        let new = events.filter { $0.place > place }
        guard let last = new.last else { return }
        place = last.place
        let text = try new.map { "id: \($0.place)\ndata: \(try JSONAnswer.text($0))\n\n" }.joined()
        try await writer.write(ByteBuffer(string: text))
    }
}

extension Followers {
    nonisolated func events(_ subject: Subject, after place: Int64) async throws -> [TimelineEvent] {
        switch subject {
        case .order(let id): try await reader.events(of: id, after: place) ?? []
        case .customer(let id): try await reader.events(of: id, after: place)
        }
    }
}

extension Request {
    /// Whether the timeline is asked for by places, and not whole.
    fileprivate var wantsPlaces: Bool {
        wantsStream || uri.queryParameters["after"] != nil || uri.queryParameters["wait"] != nil
    }

    fileprivate var wantsStream: Bool { headers[.accept]?.contains("text/event-stream") ?? false }

    /// The last that a stream has told.
    fileprivate var lastPlace: Int64? {
        get throws { try headers[.lastEventID].map { try Self.place($0, "Last-Event-ID") } }
    }

    fileprivate func place(_ name: String) throws -> Int64? {
        try uri.queryParameters[Substring(name)].map { try Self.place(String($0), name) }
    }

    private static func place(_ text: String, _ name: String) throws -> Int64 {
        guard let place = Int64(text), place >= 0 else {
            throw Problem(.badRequest, "\(name) must be a place: a whole number, 0 or more.")
        }
        return place
    }

    fileprivate func number(_ name: String) throws -> Double? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Double(text), number.isFinite else {
            throw Problem(.badRequest, "\(name) must be a number of seconds.")
        }
        return number
    }

    /// What a customer shows.
    var customerToken: CustomerToken? {
        if let header = headers[.authorization] {
            guard header.lowercased().hasPrefix("bearer ") else { return nil }
            return CustomerToken(header.dropFirst(7).trimmingCharacters(in: .whitespaces))
        }
        return cookies[customerCookie].flatMap { CustomerToken($0.value) }
    }

    /// Under which name a browser keeps a token. By TLS one that only this very host can have set (RFC 6265bis, section 4.1.3.2): no
    /// neighbour can plant a token of its own, and read what is ordered by it.
    var customerCookie: String { isSecure ? "__Host-customer" : "customer" }

    /// Whether the client came by TLS, to a proxy in front of us.
    var isSecure: Bool { headers[.forwardedProto] == "https" }
}

extension HTTPField.Name {
    fileprivate static let forwardedProto = Self("X-Forwarded-Proto").unsafelyUnwrapped
    fileprivate static let lastEventID = Self("Last-Event-ID").unsafelyUnwrapped
}
