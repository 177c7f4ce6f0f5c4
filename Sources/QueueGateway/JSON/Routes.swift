import HTTPTypes

/// One operation of the API: `openapi.yaml` describes the same ones.
struct Route: Sendable {
    typealias Handler = @Sendable (JSONCall) async throws -> Answer

    let method: HTTPRequest.Method
    /// Behind `/v1`.
    let pattern: PathPattern
    let handle: Handler

    init(_ method: HTTPRequest.Method, _ pattern: String, _ handle: @escaping Handler) {
        self.method = method
        self.pattern = PathPattern(pattern, below: "/v1")
        self.handle = handle
    }

    static let all = queues + messages + topics + halves + search + deadLetters + actions

    private static let queues = [
        Route(.get, "queues", QueueRoutes.list), Route(.put, "queues/*", QueueRoutes.put),
        Route(.get, "queues/*", QueueRoutes.get), Route(.delete, "queues/*", QueueRoutes.delete),
        Route(.post, "queues/*/purge", QueueRoutes.purge), Route(.post, "queues/*/pause", QueueRoutes.pause),
        Route(.post, "queues/*/resume", QueueRoutes.resume),
    ]
    private static let messages = [
        Route(.post, "queues/*/messages", SendRoutes.one), Route(.get, "queues/*/messages", ReceiveRoutes.peek),
        Route(.post, "queues/*/messages/batch", SendRoutes.batch),
        Route(.post, "queues/*/messages/receive", ReceiveRoutes.receive),
        Route(.post, "queues/*/messages/acknowledge", ReceiptRoutes.acknowledge),
        Route(.post, "queues/*/messages/visibility", ReceiptRoutes.changeVisibility),
    ]
    private static let topics = [
        Route(.get, "topics", TopicRoutes.list), Route(.put, "topics/*", TopicRoutes.put),
        Route(.get, "topics/*", TopicRoutes.get), Route(.delete, "topics/*", TopicRoutes.delete),
        Route(.post, "topics/*/messages", PublishRoutes.one),
        Route(.post, "topics/*/messages/batch", PublishRoutes.batch),
        Route(.get, "topics/*/subscriptions", SubscriptionRoutes.list),
        Route(.put, "topics/*/subscriptions/*", SubscriptionRoutes.put),
        Route(.get, "topics/*/subscriptions/*", SubscriptionRoutes.get),
        Route(.delete, "topics/*/subscriptions/*", SubscriptionRoutes.delete),
    ]
    private static let halves = [
        Route(.post, "topics/*/half-messages", HalfRoutes.prepare),
        Route(.post, "topics/*/half-messages/commit", HalfRoutes.commit),
        Route(.post, "topics/*/half-messages/rollback", HalfRoutes.rollBack),
        Route(.post, "topics/*/half-messages/check", HalfRoutes.check),
    ]
    private static let search = [
        Route(.get, "messages", SearchRoutes.find), Route(.get, "messages/*", SearchRoutes.inspect),
    ]
    private static let deadLetters = [
        Route(.get, "dead-letter-groups", DeadLetterRoutes.groups),
        Route(.get, "queues/*/dead-letters", DeadLetterRoutes.list),
        Route(.post, "queues/*/dead-letters/redrive", DeadLetterRoutes.redrive),
        Route(.post, "queues/*/dead-letters/purge", DeadLetterRoutes.purge),
    ]
    private static let actions = [
        Route(.get, "actions/*", ActionRoutes.get), Route(.post, "actions/*/pause", ActionRoutes.pause),
        Route(.post, "actions/*/resume", ActionRoutes.resume), Route(.post, "actions/*/stop", ActionRoutes.stop),
    ]

    /// The route of a path and method, and what stands at its stars. HEAD is GET without its body.
    ///
    /// - Throws: ``Problem``.
    static func find(_ method: HTTPRequest.Method, _ path: [String]) throws -> (Route, names: [String]) {
        let routes = all.filter { $0.pattern.matches(path) }
        guard let first = routes.first else {
            throw Problem(.noSuchPath, "GET /v1/openapi.yaml tells what there is.")
        }
        guard let route = routes.first(where: { $0.method == (method == .head ? .get : method) }) else {
            throw notAllowed(routes.map(\.method))
        }
        return (route, zip(first.pattern.parts, path).filter { $0.0 == "*" }.map(\.1))
    }

    static func notAllowed(_ methods: [HTTPRequest.Method]) -> Problem {
        let names = methods.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }.joined(separator: ", ")
        return Problem(.methodNotAllowed, "This path has \(names).", headers: [.allow: names])
    }
}
